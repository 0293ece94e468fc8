"""The real service over a real socket."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from http.client import HTTPConnection

import httpx
import pytest

from app.api.schemas import EXAMPLE_IMAGE
from app.http.request_head import MAX_HEAD_BYTES
from tests.conftest import ROOT
from tests.e2e.server import eventually, is_ready, running, service, status, wait_for_both_workers
from tests.hostile import INFER


@pytest.fixture(scope="module")
def server():
    with running() as server:
        yield server


@pytest.fixture
def http(server):
    with httpx.Client(base_url=server.url) as http:
        yield http


def exchange(server, data, limit=65536):
    """Send bytes, and read what comes until the other end closes or a body is complete."""
    with socket.create_connection(("127.0.0.1", server.start["port"]), timeout=10) as connection:
        connection.sendall(data)
        return connection.recv(limit).decode()


def test_the_held_out_rows_over_http_give_exactly_the_accuracy_that_metrics_says(http, split):
    right = 0
    for pixels, label in zip(split.held_out.pixels.tolist(), split.held_out.labels, strict=True):
        right += http.post("/predict", json={"pixels": pixels}).json()["digit"] == label
    assert right / len(split.held_out) == http.get("/metrics").json()["accuracy"]


def test_the_held_out_rows_in_one_batch_give_the_same(http, split):
    reply = http.post("/predict/batch", json={"images": split.held_out.pixels.tolist()})
    digits = [prediction["digit"] for prediction in reply.json()["predictions"]]
    assert (digits == split.held_out.labels).mean() == http.get("/metrics").json()["accuracy"]


def test_a_connection_is_kept_and_reused(server):
    connection = HTTPConnection("127.0.0.1", server.start["port"], timeout=10)
    connection.connect()
    first = connection.sock
    for _ in range(3):
        connection.request("GET", "/livez")
        assert connection.getresponse().read() == b'{"status":"live"}'
        assert connection.sock is first
    connection.close()


def test_a_complete_head_over_the_limit_is_a_problem_document(server):
    head = b"GET /livez HTTP/1.1\r\nhost: digits\r\nx: " + b"a" * (MAX_HEAD_BYTES + 1) + b"\r\n\r\n"
    reply = exchange(server, head)
    assert reply.startswith("HTTP/1.1 431")
    assert "application/problem+json" in reply


def test_a_head_that_never_ends_is_cut_off(server):
    with socket.create_connection(("127.0.0.1", server.start["port"]), timeout=10) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nx: ")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            connection.sendall(b"x" * 64 * 1024 * 1024)


def test_an_absolute_address_and_an_old_client_are_answered(server):
    assert exchange(server, b"GET http://digits/livez HTTP/1.1\r\nhost: digits\r\n\r\n").startswith("HTTP/1.1 200")
    assert exchange(server, b"GET /livez HTTP/1.0\r\n\r\n").startswith("HTTP/1.1 200")


def test_the_health_check_of_the_container_passes_and_fails_with_the_service(server):
    dockerfile = (ROOT / "Dockerfile").read_text()
    (command,) = re.findall(r"HEALTHCHECK.*?CMD (\[.*?\])\n", dockerfile, re.DOTALL)
    _, *arguments = json.loads(command)

    def check(port):
        on_port = [argument.replace("8000", str(port)) for argument in arguments]
        return subprocess.run([sys.executable, *on_port], capture_output=True, check=False).returncode

    assert check(server.start["port"]) == 0
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert check(port) != 0


def test_start_and_stop_are_one_json_line_each(artefact):
    with running() as server:
        assert server.stop() == 0
        assert server.start["message"] == "started"
        assert server.start["sha256"] == artefact.sha256
        assert [line["message"] for line in server.log] == ["stopped"]


def test_after_sigterm_it_is_unready_but_serves_until_the_pause_is_over():
    with running(drain_seconds=3) as server, httpx.Client(base_url=server.url) as http:
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: http.get("/readyz").status_code == 503)
        assert http.get("/livez").status_code == 200
        assert http.post("/predict", json={"pixels": EXAMPLE_IMAGE}).json()["digit"] == 3
        assert httpx.get(f"{server.url}/livez").status_code == 200  # a new connection, too
        assert server.process.wait(timeout=30) == 0


def test_ctrl_c_stops_it_without_the_pause():
    with running(drain_seconds=300) as server:
        assert server.stop(signal.SIGINT) == 0


def test_ctrl_c_ends_the_pause_after_sigterm():
    with running(drain_seconds=300) as server:
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: not is_ready(server.url))
        assert server.stop(signal.SIGINT) == 0


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("path", "form"),
    [("/predict", b'"detail":"The service is stopping."'), (INFER, b'{"error":"The service is stopping."}')],
)
def test_a_request_that_is_still_incomplete_at_the_end_is_told_so(workers, path, form):
    head = f"POST {path} HTTP/1.1\r\nhost: digits\r\ncontent-length: 205\r\n\r\n{{".encode()
    with running("--workers", str(workers), graceful_stop_seconds=1, drain_seconds=0.5) as server:
        if workers > 1:
            wait_for_both_workers(server.url)
        with socket.create_connection(("127.0.0.1", server.start["port"]), timeout=10) as connection:
            connection.sendall(head)  # is read before the pause is over
            server.process.send_signal(signal.SIGTERM)
            reply = b"".join(iter(lambda: connection.recv(65536), b""))
        assert reply.startswith(b"HTTP/1.1 503")
        assert form in reply
        assert b"x-request-id" in reply
        assert server.process.wait(timeout=30) == 0
        assert not [line for line in server.log if "exc_info" in line]


def test_a_client_that_leaves_in_mid_body_is_no_failure_of_the_service():
    with running() as server:
        with socket.create_connection(("127.0.0.1", server.start["port"]), timeout=10) as connection:
            connection.sendall(b"POST /predict HTTP/1.1\r\nhost: digits\r\ncontent-length: 205\r\n\r\n{")
        # The request for readiness, the one that was broken off, and at least one for this figure.
        eventually(lambda: httpx.get(f"{server.url}/metrics").json()["service"]["requests"] >= 3)
        assert server.stop() == 0
        assert [line["message"] for line in server.log] == ["stopped"]


def test_what_follows_an_upgrade_is_never_read_as_a_request(server):
    with socket.create_connection(("127.0.0.1", server.start["port"]), timeout=10) as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nhost: digits\r\nconnection: upgrade\r\nupgrade: h2c\r\n"
            b"content-length: 60\r\n\r\n"
        )
        reply = connection.recv(65536)
        with suppress(OSError):
            connection.sendall(b"GET /livez HTTP/1.1\r\nhost: digits\r\n\r\n")
            while more := connection.recv(65536):
                reply += more
    assert reply.count(b"HTTP/1.1") == 1
    assert reply.startswith(b"HTTP/1.1 400")


def test_the_links_of_the_docs_follow_the_path_of_a_proxy():
    with running("--root-path", "/digits") as server:
        assert "/digits/openapi.json" in httpx.get(f"{server.url}/docs").text
        assert httpx.get(f"{server.url}/livez").status_code == 200


def test_two_workers_answer_and_stop_in_order():
    with running("--workers", "2", drain_seconds=2) as server:
        assert server.start["workers"] == 2
        wait_for_both_workers(server.url)
        assert httpx.post(f"{server.url}/predict", json={"pixels": EXAMPLE_IMAGE}).json()["digit"] == 3
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: status("GET", f"{server.url}/readyz") == 503)
        eventually(lambda: status("GET", f"{server.url}/livez") == 200)
        assert server.process.wait(timeout=30) == 0


def test_workers_that_die_while_they_start_do_not_hold_up_the_end():
    with running("--workers", "2") as server:
        eventually(lambda: len(server.workers()) == 2)
        subprocess.run(["kill", "-KILL", *map(str, server.workers())], check=True)
        eventually(lambda: len(server.workers()) == 2)
        os.killpg(server.process.pid, signal.SIGTERM)
        assert server.process.wait(timeout=30) == 0


def test_a_sigterm_to_all_its_processes_is_the_same_orderly_end():
    with running("--workers", "2", drain_seconds=3) as server:
        wait_for_both_workers(server.url)
        os.killpg(server.process.pid, signal.SIGTERM)  # as service managers do
        eventually(lambda: status("GET", f"{server.url}/readyz") == 503)
        body = {"pixels": EXAMPLE_IMAGE}
        eventually(lambda: status("POST", f"{server.url}/predict", json=body) == 200)
        assert server.process.wait(timeout=30) == 0


def test_a_killed_worker_is_replaced_though_the_file_went_bad(tmp_path, artefact):
    file = tmp_path / "digits.npz"
    file.write_bytes((ROOT / "model" / "digits.npz").read_bytes())
    with running("--workers", "2", weights=file) as server:
        before = eventually(lambda: len(server.workers()) == 2 and server.workers())
        file.write_bytes(b"went bad")
        victim = min(before)
        subprocess.run(["kill", "-KILL", str(victim)], check=True)
        eventually(lambda: len(server.workers() - {victim}) == 2)
        for _ in range(20):
            reply = httpx.get(f"{server.url}/metrics", timeout=30)
            assert reply.json()["model"]["sha256"] == artefact.sha256
        assert server.stop() == 0
        (line,) = [line for line in server.log if line["message"] == "worker died"]
        assert (line["worker_pid"], line["exit_status"]) == (victim, -signal.SIGKILL)


def test_what_a_killed_worker_had_in_flight_is_in_flight_no_more():
    head = b"POST /predict HTTP/1.1\r\nhost: digits\r\ncontent-length: 205\r\n\r\n{"
    with running("--workers", "2") as server, ExitStack() as connections:
        wait_for_both_workers(server.url)
        for _ in range(6):
            address = ("127.0.0.1", server.start["port"])
            connections.enter_context(socket.create_connection(address, timeout=10)).sendall(head)
        eventually(lambda: service(server.url)["requests_in_flight"] == 6 + 1)  # and the one that asks
        before = server.workers()
        subprocess.run(["kill", "-KILL", *map(str, before)], check=True)
        eventually(lambda: len(server.workers() - before) == 2)
        eventually(lambda: status("GET", f"{server.url}/readyz") == 200)
        assert service(server.url)["requests_in_flight"] == 1
        assert service(server.url)["worker_starts"] in (3, 4)  # the second may not be there yet


def test_workers_are_replaced_one_by_one_on_sighup_and_stay_ready():
    with running("--workers", "2", drain_seconds=2) as server:
        before = eventually(lambda: len(server.workers()) == 2 and server.workers())
        server.process.send_signal(signal.SIGHUP)
        while server.workers() & before:
            assert status("GET", f"{server.url}/readyz") in (200, None)  # never 503
        assert server.process.poll() is None
        wait_for_both_workers(server.url)
        assert service(server.url)["worker_starts"] == 4
