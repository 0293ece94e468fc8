"""A real service answers over a real socket."""

import json
import re
import socket
import subprocess
import sys
from http.client import HTTPConnection

import httpx
import pytest

from app.http.request_head import MAX_HEAD_BYTES
from tests.conftest import ROOT
from tests.e2e.server import incomplete_request, poll_until, running, service_environment, service_metrics

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server():
    with running() as server:
        yield server


@pytest.fixture
def http(server):
    with httpx.Client(base_url=server.url) as http:
        yield http


def send_bytes(server, request):
    """Send the bytes of a request on a new connection, and return the first part of the reply as text."""
    with server.connect() as connection:
        connection.sendall(request)
        return connection.recv(65536).decode()


def test_predict_has_exactly_the_accuracy_of_metrics_on_the_held_out_rows(http, split):
    correct = 0
    for pixels, label in zip(split.held_out.pixels.tolist(), split.held_out.labels, strict=True):
        correct += http.post("/predict", json={"pixels": pixels}).json()["digit"] == label
    assert correct / len(split.held_out) == http.get("/metrics").json()["accuracy"]


def test_predict_batch_has_exactly_the_accuracy_of_metrics_on_the_held_out_rows(http, split):
    reply = http.post("/predict/batch", json={"images": split.held_out.pixels.tolist()})
    digits = [prediction["digit"] for prediction in reply.json()["predictions"]]
    assert (digits == split.held_out.labels).mean() == http.get("/metrics").json()["accuracy"]


def test_connection_stays_open_for_further_requests(server):
    connection = HTTPConnection("127.0.0.1", server.start["port"], timeout=10)
    connection.connect()
    first_socket = connection.sock
    for _ in range(3):
        connection.request("GET", "/livez")
        assert connection.getresponse().read() == b'{"status":"live"}'
        assert connection.sock is first_socket
    connection.close()


def test_complete_head_over_the_limit_gets_a_problem_document(server):
    head = b"GET /livez HTTP/1.1\r\nhost: digits\r\nx: " + b"a" * (MAX_HEAD_BYTES + 1) + b"\r\n\r\n"
    reply = send_bytes(server, head)
    assert reply.startswith("HTTP/1.1 431")
    assert "application/problem+json" in reply


def test_absolute_url_and_http_1_0_get_an_answer(server):
    assert send_bytes(server, b"GET http://digits/livez HTTP/1.1\r\nhost: digits\r\n\r\n").startswith("HTTP/1.1 200")
    assert send_bytes(server, b"GET /livez HTTP/1.0\r\n\r\n").startswith("HTTP/1.1 200")


def test_client_disconnect_within_a_body_is_not_logged_as_an_error():
    with running() as server:
        with server.connect() as connection:
            connection.sendall(incomplete_request())
        # The readiness probe of the start, the disconnected request, and at least one request for the metrics.
        poll_until(lambda: service_metrics(server.url)["requests"] >= 3)
        assert server.stop() == 0
        assert [line["message"] for line in server.log] == ["stopped"]


def test_health_check_of_the_container_passes_only_while_the_service_runs(server):
    dockerfile = (ROOT / "Dockerfile").read_text()
    (command,) = re.findall(r"HEALTHCHECK.*?CMD (\[.*?\])\n", dockerfile, re.DOTALL)
    _, *arguments = json.loads(command)

    def exit_status_of_check(port):
        environment = service_environment(port=port)
        return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, check=False).returncode

    assert exit_status_of_check(server.start["port"]) == 0
    with socket.create_server(("127.0.0.1", 0)) as unused:
        unused_port = unused.getsockname()[1]
    assert exit_status_of_check(unused_port) != 0
