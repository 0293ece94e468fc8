"""A real service, `python -m app`, in a process of its own on a free port."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import trustme

from tests.conftest import ROOT

COMMAND = [sys.executable, "-m", "app"]
# An authority that the clients of the tests trust, and no other one.
AUTHORITY = trustme.CA()
TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
AUTHORITY.configure_trust(TRUST)
# Each request opens a connection of its own, so that any worker may answer.
HTTP = httpx.Client(timeout=30, headers={"connection": "close"}, verify=TRUST)


def poll_until(condition, timeout_seconds=30):
    """Call a function until its result is true, and return that result."""
    deadline = time.monotonic() + timeout_seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"the condition was not true within {timeout_seconds} seconds"
        threading.Event().wait(0.02)
    return result


def service_environment(**settings):
    """Copy the environment of this process, without any setting of the service but the given ones."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DIGITS_")}
    return {**inherited, **{f"DIGITS_{name.upper()}": str(value) for name, value in settings.items()}}


def write_certificate(folder, authority=AUTHORITY):
    """Write a certificate of this machine and its key into a folder, and return the settings with their paths."""
    certificate = authority.issue_cert("127.0.0.1", "::1")
    paths = {"tls_cert": folder / "certificate.pem", "tls_key": folder / "key.pem"}
    paths["tls_cert"].write_bytes(b"".join(part.bytes() for part in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(paths["tls_key"])
    return paths


class Server:
    """A running service.

    Attributes:
        process: Its process; with several workers, the supervisor's.
        start: Its first log line, with the fields `port` and `workers`.
        url: Its URL, without a slash at the end.
        log: Its further log lines.
    """

    def __init__(self, process, scheme="http"):
        self.process = process
        self.start = json.loads(process.stderr.readline())
        self.url = f"{scheme}://127.0.0.1:{self.start['port']}"
        self.log = []
        self._log_reader = threading.Thread(target=self._read_log, daemon=True)
        self._log_reader.start()

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(json.loads(line))

    def connect(self):
        """Open a TCP connection to the service."""
        return socket.create_connection(("127.0.0.1", self.start["port"]), timeout=10)

    def connect_by_tls(self, context=TRUST):
        """Open a connection to the service, and complete the handshake of TLS."""
        return context.wrap_socket(self.connect(), server_hostname="127.0.0.1")

    def worker_pids(self):
        """List the process ids of the workers that the supervisor has started."""
        command = ["pgrep", "-f", "-P", str(self.process.pid), "spawn_main"]
        return {int(pid) for pid in subprocess.run(command, capture_output=True, check=False).stdout.split()}

    def stop(self, signal_number=signal.SIGTERM):
        """Stop the service with a signal, and return its exit status."""
        self.process.send_signal(signal_number)
        exit_status = self.process.wait(timeout=30)
        self.finish_log()
        return exit_status

    def finish_log(self):
        """Wait for the last line of the log of an ended service, and return all lines after the first."""
        self._log_reader.join(timeout=10)
        return self.log


@contextmanager
def running(*arguments, command=COMMAND, **settings):
    """Start a service and wait until it is ready; stop it in the end, also after an error.

    Args:
        arguments: Command-line arguments.
        command: The program.
        settings: Settings without the prefix DIGITS_; by default, the port is free and nothing delays the stop.
    """
    with subprocess.Popen(
        [*command, *arguments],
        cwd=ROOT,
        env=service_environment(**{"port": 0, "drain_seconds": 0, **settings}),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        server = Server(process, "https" if "tls_cert" in settings else "http")
        try:
            poll_until(lambda: is_ready(server.url))
            yield server
        finally:
            if process.poll() is None:
                server.stop()


@contextmanager
def running_workers(worker_count, **settings):
    """Start a service with one or two workers, and wait until all of them answer."""
    with running("--workers", str(worker_count), **settings) as server:
        if worker_count > 1:
            wait_for_both_workers(server.url)
        yield server


def wait_for_both_workers(url):
    """Wait until a service counts two live workers."""
    poll_until(lambda: service_metrics(url)["workers"] == 2)


def service_metrics(url):
    """Request the metrics of a service about itself, for example its numbers of requests and workers."""
    return HTTP.get(f"{url}/metrics").json()["service"]


def request_status(method, url, **options):
    """Send a request and return its status, or None if a stopping worker closed the connection."""
    try:
        return HTTP.request(method, url, **options).status_code
    except httpx.TransportError:
        return None


def incomplete_request(path="/predict"):
    """Create the bytes of a request whose body ends after the first of its 205 bytes."""
    return f"POST {path} HTTP/1.1\r\nhost: digits\r\ncontent-length: 205\r\n\r\n{{".encode()


LIVENESS_PROBE = b"GET /livez HTTP/1.1\r\nhost: digits\r\n\r\n"


def probe_liveness(connection):
    """Send a liveness probe on an open connection, and return the whole answer, or empty bytes without an answer."""
    connection.sendall(LIVENESS_PROBE)
    received = b""
    while not received.endswith(b"}") and (part := connection.recv(65536)):
        received += part
    return received


def receive_all(connection):
    """Receive everything until the service closes the connection."""
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


def statuses(received):
    """Return the statuses of the answers in a received stream."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


def is_ready(url):
    """Tell whether a service answers its readiness probe with a 200."""
    return HTTP.get(f"{url}/readyz").status_code == 200


def peak_memory_bytes(pid):
    """Read the largest resident memory that a process has ever had, from /proc of Linux."""
    text = Path(f"/proc/{pid}/status").read_text()
    (kilobytes,) = re.findall(r"VmHWM:\s*(\d+) kB", text)
    return int(kilobytes) * 1024
