"""A graceful shutdown: a drain phase on SIGTERM, none on SIGINT, and an answer to every request in flight."""

import signal

import httpx
import pytest

from app.api.schemas import EXAMPLE_IMAGE
from tests.e2e.server import incomplete_request, is_ready, poll_until, running, running_workers
from tests.hostile import INFER


def test_service_logs_one_json_line_at_start_and_one_at_stop(artefact):
    with running() as server:
        assert server.stop() == 0
        assert server.start["message"] == "started"
        assert server.start["sha256"] == artefact.sha256
        assert [line["message"] for line in server.log] == ["stopped"]


def test_service_is_unready_after_sigterm_and_answers_until_the_drain_ends():
    with running(drain_seconds=3) as server, httpx.Client(base_url=server.url) as http:
        server.process.send_signal(signal.SIGTERM)
        poll_until(lambda: http.get("/readyz").status_code == 503)
        assert http.get("/livez").status_code == 200
        assert http.post("/predict", json={"pixels": EXAMPLE_IMAGE}).json()["digit"] == 3
        assert httpx.get(f"{server.url}/livez").status_code == 200  # on a new connection
        assert server.process.wait(timeout=30) == 0


def test_sigint_stops_the_service_without_a_drain():
    with running(drain_seconds=300) as server:
        assert server.stop(signal.SIGINT) == 0


def test_sigint_ends_the_drain_that_sigterm_started():
    with running(drain_seconds=300) as server:
        server.process.send_signal(signal.SIGTERM)
        poll_until(lambda: not is_ready(server.url))
        assert server.stop(signal.SIGINT) == 0


@pytest.mark.parametrize("worker_count", [1, 2])
@pytest.mark.parametrize(
    ("path", "error"),
    [("/predict", b'"detail":"The service is stopping."'), (INFER, b'{"error":"The service is stopping."}')],
)
def test_request_that_is_incomplete_at_the_end_of_the_shutdown_gets_a_503(worker_count, path, error):
    with running_workers(worker_count, graceful_stop_seconds=1, drain_seconds=0.5) as server:
        with server.connect() as connection:
            connection.sendall(incomplete_request(path))  # arrives before the drain ends
            server.process.send_signal(signal.SIGTERM)
            reply = b"".join(iter(lambda: connection.recv(65536), b""))
        assert reply.startswith(b"HTTP/1.1 503")
        assert error in reply
        assert b"x-request-id" in reply
        assert server.process.wait(timeout=30) == 0
        assert not [line for line in server.log if "exc_info" in line]
