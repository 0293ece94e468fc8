"""A real `python -m app` in a process of its own, on a free port."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.conftest import ROOT

COMMAND = [sys.executable, "-m", "app"]


def eventually(condition, timeout_seconds=30):
    """Ask until the answer is true, and say what it was."""
    end = time.monotonic() + timeout_seconds
    while not (answer := condition()):
        assert time.monotonic() < end, "it never came true"
        threading.Event().wait(0.02)
    return answer


def environment(**settings):
    """The environment of this process, with the settings of the service replaced."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DIGITS_")}
    return {**inherited, **{f"DIGITS_{name.upper()}": str(value) for name, value in settings.items()}}


class Server:
    """A running service.

    Args:
        process: Its process.
    """

    def __init__(self, process):
        self.process = process
        self.start = json.loads(process.stderr.readline())
        self.url = f"http://127.0.0.1:{self.start['port']}"
        self.log = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.log.append(json.loads(line))

    def workers(self):
        """Process ids of the workers that uvicorn started."""
        command = ["pgrep", "-f", "-P", str(self.process.pid), "spawn_main"]
        return {int(pid) for pid in subprocess.run(command, capture_output=True, check=False).stdout.split()}

    def stop(self, sig=signal.SIGTERM):
        """Stop it, and give its exit status."""
        self.process.send_signal(sig)
        status = self.process.wait(timeout=30)
        self._reader.join(timeout=10)
        return status


@contextmanager
def running(*arguments, **settings):
    """Start a service, and stop it at the end whatever happens."""
    chosen = {"port": 0, "drain_seconds": 0, **settings}
    with subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=environment(**chosen),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        server = Server(process)
        try:
            eventually(lambda: is_ready(server.url))
            yield server
        finally:
            if process.poll() is None:
                server.stop()


def wait_for_both_workers(url):
    """Ask until two processes say that they answer."""
    eventually(lambda: service(url)["workers"] == 2)


def service(url):
    """What a service says that it has done."""
    return httpx.get(f"{url}/metrics", timeout=30).json()["service"]


def status(method, url, **options):
    """The status that a request gets, or None if a stopping worker dropped its connection."""
    try:
        return httpx.request(method, url, timeout=30, **options).status_code
    except httpx.TransportError:
        return None


def is_ready(url):
    """Whether a service says that it is ready."""
    return httpx.get(f"{url}/readyz", timeout=30).status_code == 200


def peak_bytes(pid):
    """The most memory that a process ever held."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+) kB", text)[1]) * 1024
