"""Two workers under a supervisor: shutdown, replacement of killed workers, and replacement on SIGHUP."""

import os
import signal
import subprocess
from contextlib import ExitStack

import httpx

from app.api.schemas import EXAMPLE_IMAGE
from tests.conftest import ROOT
from tests.e2e.server import (
    incomplete_request,
    poll_until,
    request_status,
    running,
    running_workers,
    service_metrics,
    wait_for_both_workers,
)


def kill(pids):
    """Kill processes with SIGKILL."""
    subprocess.run(["kill", "-KILL", *map(str, pids)], check=True)


def wait_for_two_worker_pids(server):
    """Wait until the supervisor has started both workers, and return their process ids."""
    return poll_until(lambda: len(server.worker_pids()) == 2 and server.worker_pids())


def test_two_workers_answer_and_shut_down_gracefully():
    with running_workers(2, drain_seconds=2) as server:
        assert server.start["workers"] == 2
        assert httpx.post(f"{server.url}/predict", json={"pixels": EXAMPLE_IMAGE}).json()["digit"] == 3
        server.process.send_signal(signal.SIGTERM)
        poll_until(lambda: request_status("GET", f"{server.url}/readyz") == 503)
        poll_until(lambda: request_status("GET", f"{server.url}/livez") == 200)
        assert server.process.wait(timeout=30) == 0


def test_workers_killed_during_their_start_do_not_block_the_shutdown():
    with running("--workers", "2") as server:
        kill(wait_for_two_worker_pids(server))
        wait_for_two_worker_pids(server)
        os.killpg(server.process.pid, signal.SIGTERM)
        assert server.process.wait(timeout=30) == 0


def test_sigterm_to_all_processes_causes_the_same_graceful_shutdown():
    with running_workers(2, drain_seconds=3) as server:
        os.killpg(server.process.pid, signal.SIGTERM)  # as service managers do
        poll_until(lambda: request_status("GET", f"{server.url}/readyz") == 503)
        body = {"pixels": EXAMPLE_IMAGE}
        poll_until(lambda: request_status("POST", f"{server.url}/predict", json=body) == 200)
        assert server.process.wait(timeout=30) == 0


def test_killed_worker_is_replaced_although_the_file_of_weights_is_damaged(tmp_path, artefact):
    weights = tmp_path / "digits.npz"
    weights.write_bytes((ROOT / "model" / "digits.npz").read_bytes())
    with running("--workers", "2", weights=weights) as server:
        victim = min(wait_for_two_worker_pids(server))
        weights.write_bytes(b"damaged")
        kill([victim])
        poll_until(lambda: len(server.worker_pids() - {victim}) == 2)
        for _ in range(20):
            reply = httpx.get(f"{server.url}/metrics", timeout=30)
            assert reply.json()["model"]["sha256"] == artefact.sha256
        assert server.stop() == 0
        (line,) = [line for line in server.log if line["message"] == "worker died"]
        assert (line["worker_pid"], line["exit_status"]) == (victim, -signal.SIGKILL)


def test_requests_of_killed_workers_are_no_longer_in_flight():
    with running_workers(2) as server, ExitStack() as connections:
        for _ in range(6):
            connections.enter_context(server.connect()).sendall(incomplete_request())
        # The seventh request in flight is the one for the metrics.
        poll_until(lambda: service_metrics(server.url)["requests_in_flight"] == 6 + 1)
        killed = server.worker_pids()
        kill(killed)
        poll_until(lambda: len(server.worker_pids() - killed) == 2)
        poll_until(lambda: request_status("GET", f"{server.url}/readyz") == 200)
        assert service_metrics(server.url)["requests_in_flight"] == 1
        assert service_metrics(server.url)["worker_starts"] in (3, 4)  # the second may still be starting


def test_sighup_replaces_workers_one_by_one_and_the_service_stays_ready():
    with running("--workers", "2", drain_seconds=2) as server:
        former_workers = wait_for_two_worker_pids(server)
        server.process.send_signal(signal.SIGHUP)
        while server.worker_pids() & former_workers:
            assert request_status("GET", f"{server.url}/readyz") in (200, None)  # never 503
        assert server.process.poll() is None
        wait_for_both_workers(server.url)
        assert service_metrics(server.url)["worker_starts"] == 4
