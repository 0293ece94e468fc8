"""Two workers under a supervisor: replacement of killed workers, and a change of their number."""

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from tests.conftest import ROOT
from tests.e2e.server import (
    HTTP,
    incomplete_request,
    poll_until,
    probe_liveness,
    request_status,
    running,
    running_workers,
    service_metrics,
    statuses,
    wait_for_both_workers,
)

pytestmark = pytest.mark.e2e


def kill(pids):
    """Kill processes with SIGKILL."""
    subprocess.run(["kill", "-KILL", *map(str, pids)], check=True)


def wait_for_two_worker_pids(server):
    """Wait until the supervisor has started both workers, and return their process ids."""
    return poll_until(lambda: len(server.worker_pids()) == 2 and server.worker_pids())


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A copy of the file of weights."""
    file = tmp_path_factory.mktemp("weights") / "digits.npz"
    file.write_bytes((ROOT / "model" / "digits.npz").read_bytes())
    return file


@pytest.fixture(scope="module")
def server(weights):
    """A service with two workers. Each test leaves it with two workers that answer."""
    with running_workers(2, drain_seconds=1, weights=weights) as server:
        assert server.start["workers"] == 2
        yield server
        assert server.stop() == 0


def test_killed_worker_is_replaced_although_the_file_of_weights_is_damaged(server, weights, artefact):
    before = wait_for_two_worker_pids(server)
    victim = min(before)
    weights.write_bytes(b"damaged")
    kill([victim])
    poll_until(lambda: len(server.worker_pids() - before) == 1)
    wait_for_both_workers(server.url)
    for _ in range(20):  # so that both workers answer
        assert HTTP.get(f"{server.url}/metrics").json()["model"]["sha256"] == artefact.sha256
    (line,) = poll_until(lambda: [line for line in server.log if line.get("worker_pid") == victim])
    assert (line["message"], line["exit_status"]) == ("worker died", -signal.SIGKILL)


def test_requests_of_killed_workers_are_no_longer_in_flight(server):
    starts = service_metrics(server.url)["worker_starts"]
    with ExitStack() as connections:
        for _ in range(6):
            connections.enter_context(server.connect()).sendall(incomplete_request())
        # The seventh request in flight is the one for the metrics.
        poll_until(lambda: service_metrics(server.url)["requests_in_flight"] == 6 + 1)
        killed = server.worker_pids()
        kill(killed)
        poll_until(lambda: len(server.worker_pids() - killed) == 2)
        poll_until(lambda: request_status("GET", f"{server.url}/readyz") == 200)
        wait_for_both_workers(server.url)
        metrics = service_metrics(server.url)
    assert metrics["requests_in_flight"] == 1
    assert metrics["worker_starts"] == starts + 2


def test_supervisor_adds_a_worker_on_sigttin_and_ends_it_gracefully_on_sigttou(server):
    before = wait_for_two_worker_pids(server)
    server.process.send_signal(signal.SIGTTIN)
    poll_until(lambda: service_metrics(server.url)["workers"] == 3)
    with ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(12)]

        def is_retired():
            for connection in tuple(connections):
                answer = probe_liveness(connection)
                assert statuses(answer) == [200]
                if b"connection: close" in answer:
                    connections.remove(connection)
            return server.worker_pids() == before

        server.process.send_signal(signal.SIGTTOU)
        poll_until(is_retired)
    wait_for_both_workers(server.url)


def test_last_worker_stays_on_sigttou(server):
    for _ in range(2):
        server.process.send_signal(signal.SIGTTOU)
        poll_until(lambda: len(server.worker_pids()) == 1)
    server.process.send_signal(signal.SIGHUP)  # is handled after the others
    poll_until(lambda: server.log and "reload" in server.log[-1]["message"])
    assert request_status("GET", f"{server.url}/readyz") == 200
    server.process.send_signal(signal.SIGTTIN)
    wait_for_both_workers(server.url)


def kill_and_wait_for_successors(server):
    """Kill both workers, and return the process ids of their successors as soon as these start."""
    killed = wait_for_two_worker_pids(server)
    kill(killed)
    return poll_until(lambda: len(pids := server.worker_pids() - killed) == 2 and pids)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_signal_to_all_processes_during_the_start_of_workers_ends_none_of_them_early(number):
    with running("--workers", "2") as server:
        kill_and_wait_for_successors(server)
        os.killpg(server.process.pid, number)
        assert server.process.wait(timeout=30) == 0
        assert [line["message"] for line in server.finish_log()] == [*["worker died"] * 2, "stopped"]


def test_sighup_to_all_processes_ends_none_of_them_and_later_workers_leave_signals_to_the_supervisor_too():
    with running("--workers", "2", drain_seconds=2) as server:
        started = kill_and_wait_for_successors(server)
        os.killpg(server.process.pid, signal.SIGHUP)
        wait_for_both_workers(server.url)
        assert server.worker_pids() == started
        kill_and_wait_for_successors(server)  # after a pause, because they die early again
        wait_for_both_workers(server.url)
        start = time.monotonic()
        os.killpg(server.process.pid, signal.SIGTERM)
        assert server.process.wait(timeout=30) == 0
        assert time.monotonic() - start >= 2  # a worker that handles the signal would end the drain


# Starts the service, and shortens the time limits of the supervisor between SIGUSR1 and SIGUSR2.
IMPATIENT = """
import signal
from app.__main__ import main
from app.process import supervisor
def set_limits(hang_seconds, end_seconds):
    supervisor.HANG_SECONDS, supervisor.END_SECONDS = hang_seconds, end_seconds
signal.signal(signal.SIGUSR1, lambda *_: set_limits(1.5, 0))
signal.signal(signal.SIGUSR2, lambda *_: set_limits(30, 0))
main()
"""


def test_worker_that_hangs_is_killed_and_replaced_or_killed_at_the_end_of_a_stop():
    command = [sys.executable, "-c", IMPATIENT]
    with running("--workers", "2", command=command, graceful_stop_seconds=1) as server:
        wait_for_both_workers(server.url)
        victim, other = sorted(server.worker_pids())
        server.process.send_signal(signal.SIGUSR1)
        os.kill(victim, signal.SIGSTOP)
        poll_until(lambda: len(server.log) >= 2)
        server.process.send_signal(signal.SIGUSR2)  # otherwise the start of the successor would take too long
        wait_for_both_workers(server.url)
        os.kill(other, signal.SIGSTOP)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=30) == 0
        *deaths, stopped = server.finish_log()
        assert [(line["message"], line["worker_pid"]) for line in deaths] == [
            *(("worker hangs", victim), ("worker died", victim)),
            *(("worker hangs", other), ("worker died", other)),
        ]
        assert stopped["message"] == "stopped"


def test_supervisor_ends_the_worker_that_waits_for_its_successor_first_on_sigttou():
    with running("--workers", "2") as server:
        wait_for_both_workers(server.url)
        healthy = max(server.worker_pids())
        for deaths in (1, 2):
            kill(poll_until(lambda: len(pids := server.worker_pids()) == 2 and pids) - {healthy})
            poll_until(lambda deaths=deaths: len(server.log) == deaths)
        server.process.send_signal(signal.SIGTTOU)  # in the pause before the next start
        server.process.send_signal(signal.SIGHUP)  # is handled after it
        poll_until(lambda: server.log[-1]["message"] == "reloaded")
        assert server.worker_pids() == {healthy}
        assert request_status("GET", f"{server.url}/readyz") == 200


def test_successors_that_die_early_start_after_pauses_and_the_other_worker_stays_ready():
    with running("--workers", "2") as server:
        wait_for_both_workers(server.url)
        healthy = max(server.worker_pids())
        for deaths in (1, 2):
            kill(server.worker_pids() - {healthy})
            poll_until(lambda deaths=deaths: len(server.log) == deaths)
            while len(server.worker_pids()) < 2:
                assert request_status("GET", f"{server.url}/readyz") == 200
        assert [line["pause_seconds"] for line in server.log] == [0, 1]
