"""A graceful shutdown: a drain on SIGTERM, none on a second signal, and an answer to every request."""

import os
import pty
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import httpx
import pytest

from app.api.schemas import EXAMPLE_IMAGE
from tests.conftest import ROOT
from tests.e2e.server import (
    COMMAND,
    LIVENESS_PROBE,
    Server,
    incomplete_request,
    poll_until,
    probe_liveness,
    receive_all,
    request_status,
    running,
    running_workers,
    service_environment,
    service_metrics,
    statuses,
)
from tests.hostile import INFER
from tests.machine import skip_without

pytestmark = pytest.mark.e2e

# Path → end of the answer to a request that is incomplete when the shutdown ends.
LAST_ANSWERS = {"/predict": b'"detail":"The service is stopping."}', INFER: b'{"error":"The service is stopping."}'}


def signal_process(server):
    server.process.send_signal(signal.SIGTERM)


def signal_process_group(server):
    """Send SIGTERM to the supervisor and to all workers, as service managers do."""
    os.killpg(server.process.pid, signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("worker_count", "send_sigterm"),
    [(1, signal_process), (2, signal_process_group)],
    ids=["one worker", "two workers, signal to all processes"],
)
def test_sigterm_drains_the_service_and_every_request_is_answered(artefact, worker_count, send_sigterm):
    with running_workers(worker_count, graceful_stop_seconds=1, drain_seconds=2) as server, ExitStack() as stack:
        http = stack.enter_context(httpx.Client(base_url=server.url))
        http.get("/livez")  # opens the connection that the client keeps
        assert (server.start["message"], server.start["sha256"]) == ("started", artefact.sha256)
        incomplete = {path: stack.enter_context(server.connect()) for path in LAST_ANSWERS}
        for path, connection in incomplete.items():
            connection.sendall(incomplete_request(path))
        start = time.monotonic()
        send_sigterm(server)
        poll_until(lambda: request_status("GET", f"{server.url}/readyz") == 503)
        assert http.post("/predict", json={"pixels": EXAMPLE_IMAGE}).json()["digit"] == 3
        assert http.get("/livez").status_code == 200
        assert request_status("GET", f"{server.url}/livez") == 200  # on a new connection
        for path, connection in incomplete.items():
            reply = b"".join(iter(partial(connection.recv, 65536), b""))
            assert reply.startswith(b"HTTP/1.1 503")
            assert b"x-request-id" in reply
            assert reply.rpartition(b"\r\n\r\n")[2].endswith(LAST_ANSWERS[path])
        assert server.process.wait(timeout=30) == 0
        assert time.monotonic() - start >= 3  # a worker that handles the signal would end the drain
        assert not [line for line in server.finish_log() if "exc_info" in line]


def test_sigint_stops_the_service_without_a_drain_and_the_log_has_one_line_for_it():
    with running(drain_seconds=300) as server:
        assert server.stop(signal.SIGINT) == 0
        assert [line["message"] for line in server.log] == ["stopped"]


@pytest.mark.parametrize(("worker_count", "second_signal"), [(1, signal.SIGINT), (2, signal.SIGTERM)])
def test_second_signal_ends_the_drain(worker_count, second_signal):
    with running_workers(worker_count, drain_seconds=300) as server:
        server.process.send_signal(signal.SIGTERM)
        poll_until(lambda: request_status("GET", f"{server.url}/readyz") == 503)
        for number in (signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU)[: None if worker_count > 1 else 1]:
            server.process.send_signal(number)  # has no effect now
        assert server.stop(second_signal) == 0
        assert [line["message"] for line in server.log] == ["stopped"]


def test_open_connections_get_one_more_answer_and_idle_ones_close_after_a_second():
    with running(drain_seconds=0) as server, ExitStack() as stack:
        idle, active = (stack.enter_context(server.connect()) for _ in range(2))
        for connection in (idle, active):
            assert b"connection: close" not in probe_liveness(connection)
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        answers = [b""]
        while b"connection: close" not in answers[-1]:
            answers.append(probe_liveness(active))
            assert answers[-1].startswith(b"HTTP/1.1 200")
        assert active.recv(1) == b""
        assert receive_all(idle) == b""
        assert time.monotonic() - start >= 1  # the idle connection was still open
        assert server.process.wait(timeout=30) == 0


def test_connections_in_the_queue_of_the_socket_are_answered():
    with running_workers(2, drain_seconds=0) as server, ExitStack() as stack:
        pids = server.worker_pids()
        signal_all(pids, signal.SIGSTOP)  # so that no connection is accepted
        connections = [stack.enter_context(server.connect()) for _ in range(200)]
        for connection in connections:
            connection.sendall(LIVENESS_PROBE)
        server.process.send_signal(signal.SIGTERM)
        signal_all(pids, signal.SIGCONT)
        for connection in connections:
            assert statuses(receive_all(connection)) == [200]
        assert server.process.wait(timeout=30) == 0


def signal_all(pids, number):
    """Send a signal to several processes."""
    for pid in pids:
        os.kill(pid, number)


def test_sigint_to_all_processes_leaves_time_for_the_requests_in_progress():
    with running_workers(2, drain_seconds=0) as server, ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(8)]
        for connection in connections:
            connection.sendall(incomplete_request())
        poll_until(lambda: service_metrics(server.url)["requests_in_flight"] == 8 + 1)
        os.killpg(server.process.pid, signal.SIGINT)
        poll_until(lambda: not accepts_connections(server))
        for connection in connections:
            connection.sendall(b" " * 204)  # the rest of the body
            assert statuses(receive_all(connection)) == [422]
        assert server.process.wait(timeout=30) == 0
        assert [line["message"] for line in server.finish_log()] == ["stopped"]


def is_running(pid):
    """Tell whether a process runs; the one that has ended has no command line, even if nothing has reaped it yet."""
    with suppress(FileNotFoundError):
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    return False


def accepts_connections(server):
    """Tell whether a new connection is accepted; the last attempts before the close of the socket time out."""
    try:
        socket.create_connection(("127.0.0.1", server.start["port"]), timeout=0.1).close()
    except OSError:
        return False
    return True


def test_workers_stop_when_their_supervisor_is_killed():
    with running_workers(2, drain_seconds=1) as server, server.connect() as connection:
        workers = server.worker_pids()
        server.process.kill()
        poll_until(lambda: request_status("GET", f"{server.url}/readyz") == 503)
        assert probe_liveness(connection).startswith(b"HTTP/1.1 200")
        poll_until(lambda: not any(map(is_running, workers)), timeout_seconds=5)
        assert {line["message"] for line in server.finish_log()} == {"the supervisor died, so its workers stop"}
        with pytest.raises(ConnectionRefusedError):
            server.connect()


@contextmanager
def running_in_terminal(sighup_handler, *arguments):
    """Start a service in a terminal, and wait until it is ready; yield it and a function that closes the terminal."""
    terminal, terminal_of_service = pty.openpty()
    former_handler = signal.signal(signal.SIGHUP, sighup_handler)  # the service inherits it
    process = subprocess.Popen(
        ["setsid", "--ctty", *COMMAND, *arguments],
        cwd=ROOT,
        env=service_environment(port=0, drain_seconds=0),
        stdin=terminal_of_service,
        stderr=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGHUP, former_handler)
    os.close(terminal_of_service)
    with process:
        try:
            server = Server(process)
            poll_until(lambda: request_status("GET", f"{server.url}/readyz") == 200)
            yield server, partial(os.close, terminal)
        finally:
            process.kill()


@skip_without("setsid")
@pytest.mark.parametrize("worker_count", [1, 2])
def test_closed_terminal_stops_the_service(worker_count):
    with running_in_terminal(signal.SIG_DFL, "--workers", str(worker_count)) as (server, close_terminal):
        close_terminal()
        assert server.process.wait(timeout=30) == 0
        assert [line["message"] for line in server.finish_log()] == ["stopped"]


@skip_without("setsid")
def test_service_that_nohup_has_started_outlives_its_terminal():
    with running_in_terminal(signal.SIG_IGN) as (server, close_terminal):
        close_terminal()
        poll_until(lambda: server.log)
        assert request_status("GET", f"{server.url}/readyz") == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=30) == 0
        assert [line["message"] for line in server.finish_log()] == ["reloaded", "stopped"]


def test_connections_that_arrive_during_the_start_are_answered_although_a_signal_stops_the_service():
    command = [*COMMAND, "--workers", "1"]
    environment = service_environment(port=0, drain_seconds=0)
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        server = Server(process)
        with server.connect() as connection:
            connection.sendall(LIVENESS_PROBE)
            process.send_signal(signal.SIGTERM)
            assert statuses(receive_all(connection)) == [200]
        assert process.wait(timeout=30) == 0
