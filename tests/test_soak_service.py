"""The soak test stops its service, kills its workers and exchanges its weights as it claims to."""

import os
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.serving.process import ProcessTree
from benchmarks.soak import service
from model import load_artefact
from tests.e2e.server import poll_until
from tests.machine import skip_without_proc


def a_service(process, weights=None, networks=()):
    return service.Service("http://127.0.0.1:1", process, weights, networks, log=None)


@skip_without_proc()
@pytest.mark.parametrize(("start", "status"), [("trap 'exit 3' TERM", 3), (":", -signal.SIGTERM)])
def test_the_stop_has_the_exit_status_and_leaves_it_for_the_parent(start, status):
    command = f"{start}; echo; read line"
    with subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # it is a pipe
        process.stdout.readline()
        running = a_service(ProcessTree(process.pid))
        assert running.is_running()
        stop = running.stop()
        assert not running.is_running()
        assert (stop.status, stop.processes_left) == (status, 0)
        assert process.wait() == status


def uptime():
    """Return the time since the start of the system in hundredths of a second, the unit of the start of a process."""
    return round(float(Path("/proc/uptime").read_text().split()[0]) * 100)


@skip_without_proc()
def test_the_worker_that_started_last_is_killed(monkeypatch):
    killed = []
    commands = [["sh", "-c", "read line", name] for name in ("supervisor", "spawn_main", "spawn_main", "other")]
    processes = []
    for command in commands:
        processes.append(subprocess.Popen(command, stdin=subprocess.PIPE))
        now = uptime()
        poll_until(lambda now=now: uptime() > now)  # so that each process has another start time
    pids = [process.pid for process in processes]
    monkeypatch.setattr(os, "kill", lambda *arguments: killed.append(arguments))
    try:
        tree = ProcessTree(pids[0])
        monkeypatch.setattr(tree, "pids", lambda: [pids[0], pids[2], pids[1], pids[3]])
        a_service(tree).kill_youngest_worker()
    finally:
        for process in processes:
            process.communicate()
    assert killed == [(pids[2], signal.SIGKILL)]


def test_the_networks_alternate_and_the_supervisor_gets_sighup(artefact, tmp_path, monkeypatch):
    sent, file = [], tmp_path / "weights.npz"

    def record(*arguments):
        sent.append((*arguments, load_artefact(file).card.version))

    monkeypatch.setattr(os, "kill", record)
    networks = [(artefact.network.weights, artefact.card), service.second_network(artefact)]
    running = a_service(SimpleNamespace(pid=123456), file, networks)
    for _ in range(3):
        running.exchange_network()
    first, second = artefact.card.version, networks[1][1].version
    assert sent == [(123456, signal.SIGHUP, version) for version in (second, first, second)]
    assert running.network == 1


@skip_without_proc()
def test_a_process_that_survives_the_supervisor_is_counted_but_a_zombie_is_not(monkeypatch):
    monkeypatch.setattr(service, "END_SECONDS", 0.02)
    commands = ["exit 0", "read line", "read line"]
    zombie, survivor, supervisor = (subprocess.Popen(["sh", "-c", text], stdin=subprocess.PIPE) for text in commands)
    try:
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        tree = ProcessTree(supervisor.pid)
        monkeypatch.setattr(tree, "pids", lambda: [supervisor.pid, survivor.pid, zombie.pid])
        stop = a_service(tree).stop()
    finally:
        for process in (zombie, survivor, supervisor):
            process.communicate()
    assert (stop.status, stop.processes_left) == (-signal.SIGTERM, 1)
