"""Two workers under a supervisor: replacement of killed workers, and a change of their number."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack

import pytest

from tests.conftest import ROOT
from tests.e2e.server import (
    HTTP,
    Server,
    incomplete_request,
    poll_until,
    probe_liveness,
    request_status,
    running,
    running_workers,
    service_environment,
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


def test_signals_to_all_processes_end_no_worker_early_even_during_its_start():
    with running("--workers", "2", drain_seconds=2) as server:
        started = kill_and_wait_for_successors(server)
        os.killpg(server.process.pid, signal.SIGHUP)
        wait_for_both_workers(server.url)
        assert server.worker_pids() == started
        kill_and_wait_for_successors(server)  # after a pause, because they die early again
        start = time.monotonic()
        os.killpg(server.process.pid, signal.SIGTERM)
        assert server.process.wait(timeout=30) == 0
        assert time.monotonic() - start >= 2  # a worker that handles the signal would end the drain
        messages = [line["message"] for line in server.finish_log()]
        assert Counter(messages) == {"worker died": 4, "reloaded": 1, "stopped": 1}


def hang(*_):
    """Do nothing, in place of a worker."""
    threading.Event().wait()


# Starts a service whose workers hang, with short time limits of the supervisor.
HANGING = """
from app.__main__ import main
from app.process import supervisor
from tests.e2e import test_workers
supervisor.run_worker, supervisor.HANG_SECONDS, supervisor.END_SECONDS = test_workers.hang, 1, 0
main()
"""


def test_workers_that_hang_are_killed_and_replaced_or_killed_at_the_end_of_a_stop():
    command = [sys.executable, "-c", HANGING, "--workers", "2"]
    environment = service_environment(port=0, drain_seconds=0, graceful_stop_seconds=1)
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        server = Server(process)
        poll_until(lambda: len(server.log) >= 4)
        assert Counter(line["message"] for line in server.log[:4]) == {"worker hangs": 2, "worker died": 2}
        assert {line.get("exit_status", -9) for line in server.log} == {-9}
        poll_until(lambda: len(server.worker_pids()) == 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        assert [line["message"] for line in server.finish_log()][-2:] == ["worker died", "stopped"]


def test_successors_that_die_early_start_after_pauses_and_the_other_worker_stays_ready():
    with running("--workers", "2") as server:
        wait_for_both_workers(server.url)
        healthy = max(server.worker_pids())
        for deaths in (1, 2):
            while len(server.worker_pids()) < 2:
                assert request_status("GET", f"{server.url}/readyz") == 200
            kill(server.worker_pids() - {healthy})
            poll_until(lambda deaths=deaths: len(server.log) == deaths)
        assert [line["pause_seconds"] for line in server.log] == [0, 1]
        server.process.send_signal(signal.SIGTTOU)  # ends the worker that waits for its successor
        server.process.send_signal(signal.SIGHUP)  # is handled after it
        poll_until(lambda: server.log[-1]["message"] == "reloaded")
        assert server.worker_pids() == {healthy}
        assert request_status("GET", f"{server.url}/readyz") == 200
