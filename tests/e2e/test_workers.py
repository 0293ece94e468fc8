"""Two workers under a supervisor: replacement of killed workers, and a change of their number."""

import os
import signal
import subprocess
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
    assert request_status("GET", f"{server.url}/readyz") == 200
    wait_for_both_workers(server.url)


def test_workers_killed_during_their_start_do_not_block_the_shutdown():
    with running("--workers", "2") as server:
        kill(wait_for_two_worker_pids(server))
        wait_for_two_worker_pids(server)
        os.killpg(server.process.pid, signal.SIGTERM)
        assert server.process.wait(timeout=30) == 0
