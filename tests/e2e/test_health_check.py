"""The health check of the container follows the settings, and ends with the status 0 only if the service is ready."""

import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from ipaddress import IPv4Address

import pytest

from tests.conftest import ROOT
from tests.e2e.server import poll_until, request_status, running, service_environment, write_certificate
from tests.machine import skip_unless

pytestmark = [pytest.mark.e2e, pytest.mark.clients]

COMMAND = [sys.executable, "-m", "app.process.health_check"]
READY = (0, "")
ALL_IPV4 = str(IPv4Address(0))


def check(**settings):
    """Run the health check, and return its exit status and its output."""
    environment = service_environment(**settings)
    result = subprocess.run(COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout + result.stderr


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@contextmanager
def answering(answer, host="127.0.0.1"):
    """Answer one request with some bytes, and yield the port."""

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


@pytest.mark.parametrize("has_tls", [False, True])
def test_service_is_healthy_until_it_drains(tmp_path, has_tls):
    settings = write_certificate(tmp_path) if has_tls else {}
    with running(drain_seconds=60, **settings) as server:
        settings["port"] = server.start["port"]
        assert check(**settings) == READY
        assert check(host=ALL_IPV4, **settings) == READY
        server.process.send_signal(signal.SIGTERM)
        poll_until(lambda: request_status("GET", f"{server.url}/readyz") == 503)
        assert check(**settings) == (1, "not ready: status 503\n")
        server.stop()


ALL_IPV6 = pytest.param("::", marks=skip_unless(has_ipv6(), "IPv6"))


@pytest.mark.parametrize("host", [ALL_IPV4, "127.0.0.2", "localhost", "", ALL_IPV6])
def test_check_connects_to_the_address_of_the_service(host):
    address = "127.0.0.1" if host in {"", "localhost"} else host
    with answering(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", address) as port:
        assert check(host=host, port=port) == READY


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-server\r\n", b"\0" * 100_000])
def test_service_that_does_not_answer_is_one_line(answer):
    with answering(answer) as port:
        status, output = check(port=port)
    assert (status, output.count("\n")) == (1, 1)
    assert output.startswith("no answer: ")


@pytest.mark.parametrize("port", [1, "eighty", 70_000])
def test_service_that_cannot_be_reached_is_one_line(port):
    status, output = check(port=port)
    assert (status, output.count("\n")) == (1, 1)
    assert output.startswith("no answer: ")


def test_service_that_is_silent_is_not_healthy():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert check(port=listener.getsockname()[1]) == (1, "no answer: TimeoutError('timed out')\n")


def test_check_loads_no_library():
    code = "import sys, app.process.health_check; print(*{name.split('.')[0] for name in sys.modules})"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert "http" in loaded
    assert not loaded & {"pydantic", "numpy", "fastapi", "starlette", "uvicorn", "model"}
