"""The configuration of the proxies is valid, and it passes requests, errors and headers on as the comments say."""

import json
import re
import socket
import subprocess
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from app.settings import Settings
from benchmarks.faults.balancers import BALANCERS, running_balancer, write_configuration
from tests.e2e.server import poll_until
from tests.machine import skip_without

REPEATED_BYTES = 15_000  # a request of this size fits into a buffer of HAProxy

each_balancer = pytest.mark.parametrize(
    "balancer", [pytest.param(balancer, marks=skip_without(name)) for name, balancer in BALANCERS.items()]
)


def test_limits_of_the_proxies_fit_the_settings_of_the_service():
    settings, nginx, haproxy = Settings(), *(BALANCERS[name].configuration.read_text() for name in ("nginx", "haproxy"))
    assert f"client_max_body_size {settings.max_picture_bytes // 2**20}m;" in nginx
    assert f"client_header_timeout {settings.head_timeout_seconds:.0f}s;" in nginx
    assert f"client_body_timeout {settings.body_timeout_seconds:.0f}s;" in nginx
    assert f"timeout http-request {settings.body_timeout_seconds:.0f}s " in haproxy
    seconds = [int(text) for text in re.findall(r"\n +(?:keepalive_timeout|timeout server) (\d+)s", nginx + haproxy)]
    assert len(seconds) == 2
    assert max(seconds) < settings.keep_alive_seconds
    interval, fast, fall = re.findall(r"inter (\d+)s fastinter (\d+)ms fall (\d+)", haproxy)[0]
    assert int(interval) + int(fast) / 1000 * (int(fall) - 1) < settings.drain_seconds - 0.5


@pytest.mark.clients
@each_balancer
@pytest.mark.parametrize("repeats", [True, False])
def test_the_program_accepts_its_configuration(balancer, repeats, tmp_path):
    adapted = balancer if repeats else balancer.without_repeats()
    file = write_configuration(adapted, tmp_path, "127.0.0.1:8080", [("127.0.0.1", 8000 + place) for place in range(3)])
    check = subprocess.run([*adapted.command(tmp_path, file), adapted.check], capture_output=True, check=False)
    assert check.returncode == 0, check.stderr.decode()
    assert b"WARNING" not in check.stderr
    assert b"[warn]" not in check.stderr


class EchoesHeaders(BaseHTTPRequestHandler):
    """Answers a POST with its headers as JSON, or reacts as its server says."""

    protocol_version = "HTTP/1.1"
    server: "Upstream"

    def do_GET(self):
        self.answer(200, b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(len(body))
        if self.server.reaction == "end":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif self.server.reaction == "shed":
            self.answer(503, b"", ("Retry-After", "7"))
        else:
            self.answer(200, json.dumps({name.lower(): value for name, value in self.headers.items()}).encode())

    def answer(self, status, body, *headers):
        """Send an answer."""
        self.send_response(status)
        for name, value in [("Content-Length", str(len(body))), *headers]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Upstream(ThreadingHTTPServer):
    """A server behind a proxy, which runs during a `with` block. It lists the lengths of the bodies of its requests."""

    daemon_threads = True

    def __init__(self, reaction):
        super().__init__(("127.0.0.1", 0), EchoesHeaders)
        self.reaction, self.received = reaction, []
        threading.Thread(target=self.serve_forever, args=(0.01,)).start()

    def __exit__(self, *error):
        self.shutdown()
        super().__exit__(*error)


@pytest.fixture
def proxied(balancer):
    """Function that starts an upstream server for each reaction and a proxy; returns its URL and the servers."""
    with ExitStack() as stack:

        def start(*reactions):
            servers = [stack.enter_context(Upstream(reaction)) for reaction in reactions]
            address, count_repeats = stack.enter_context(
                running_balancer(balancer, [server.server_address for server in servers])
            )
            return "http://{}:{}".format(*address), servers, count_repeats

        yield start


def send(url, body=b"{}", **headers):
    return httpx.post(f"{url}/predict", content=body, headers=headers, timeout=20)


@pytest.mark.clients
@each_balancer
def test_headers_of_the_client_are_passed_on_but_its_own_forwarded_ones_are_replaced(proxied):
    url, _, _ = proxied("echo")
    forged = {"connection": "close", "x-forwarded-for": "203.0.113.1", "x-forwarded-proto": "https"}
    headers = send(url, **forged, **{"x-request-id": "abc", "host": "example.org:81"}).json()
    assert headers["host"] == "example.org:81"
    assert headers["x-request-id"] == "abc"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert headers.get("connection", "keep-alive") != "close"  # the connection to the replica is kept


@pytest.mark.clients
@each_balancer
@pytest.mark.parametrize("size", [2, REPEATED_BYTES])
def test_a_request_without_an_answer_is_sent_to_another_replica(proxied, size):
    url, servers, count_repeats = proxied("end", "echo")
    assert [send(url, bytes(size)).status_code for _ in range(6)] == [200] * 6
    ending, echoing = (server.received for server in servers)
    assert echoing == [size] * 6
    assert 0 < len(ending) <= 6
    poll_until(lambda: count_repeats() == len(ending))


@pytest.mark.clients
@each_balancer
def test_only_nginx_sends_a_large_request_again(proxied, balancer):
    url, servers, _ = proxied("end", "echo")
    statuses = [send(url, bytes(200_000)).status_code for _ in range(4)]
    assert len(servers[0].received) > 0
    expected = [200] if balancer.title == "nginx" else [200, 502]
    assert sorted(set(statuses)) == expected


@pytest.mark.clients
@each_balancer
def test_a_request_without_an_answer_is_sent_to_two_replicas_only(proxied):
    url, servers, _ = proxied("end", "end", "end")
    assert send(url).status_code == 502
    assert sum(len(server.received) for server in servers) == 2


@pytest.mark.clients
@each_balancer
def test_a_503_goes_to_the_client_and_not_to_another_replica(proxied):
    url, servers, count_repeats = proxied("shed", "shed")
    answer = send(url)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert sum(len(server.received) for server in servers) == 1
    assert count_repeats() == 0
    servers[1].reaction = servers[0].reaction = "echo"
    assert send(url).status_code == 200  # neither of them counts as failed
