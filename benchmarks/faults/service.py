"""The measured service: its start, its metrics, its signals, and the end of its processes."""

import errno
import json
import os
import re
import select
import signal
import socket
import time
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.serving.comparison import running_contender
from benchmarks.serving.contenders import CONTENDERS

OPEN_FILES = 1024  # soft limit of the service, and the usual one; the limit of this process may be higher
POLL_SECONDS = 0.01
REPORT_TIMEOUT_SECONDS = 5
FAILED_LOADS = re.compile(rb'^model_loads_total\{result="failure"\} (\S+)$', re.MULTILINE)
ESTABLISHED = "01"  # state of a connection in /proc/net/tcp, proc(5)


def contender(folder, environment, workers=1):
    """Describe the service of a checkout.

    Args:
        folder: The checkout.
        environment: Settings of the service, as environment variables.
        workers: The number of its workers, 1 or 2.
    Returns:
        The `Contender`.
    """
    ours = CONTENDERS["ours" if workers == 1 else "two_workers"]
    return ours._replace(
        command=lambda port, work: ["prlimit", f"--nofile={OPEN_FILES}:", *ours.command(port, work)],
        environment={**ours.environment, **environment},
        folder=folder,
    )


class Service:
    """A running service.

    Args:
        url: Its URL.
        processes: Its `ProcessTree`.
    """

    def __init__(self, url, processes):
        parts = urlsplit(url)
        self.address = (parts.hostname, parts.port)
        self._processes = processes

    def signal(self, number):
        """Send a signal to the main process."""
        os.kill(self._processes.pid, number)

    def worker_pids(self):
        """Return the ids of the worker processes that the supervisor has started."""
        return self._processes.worker_pids()

    def report(self):
        """Request the metrics; return their JSON value, or None without an answer."""
        body = self._request_metrics("")
        return body and json.loads(body)

    def count_failed_loads(self):
        """Return how many files of weights the service has rejected, or None if it does not tell."""
        counts = FAILED_LOADS.findall(self._request_metrics("?format=prometheus") or b"")
        return int(float(counts[0])) if counts else None

    def _request_metrics(self, query):
        """Request the metrics on a new connection; return the body of the answer, or None without an answer."""
        with closing(HTTPConnection(*self.address, timeout=REPORT_TIMEOUT_SECONDS)) as connection:
            try:
                connection.request("GET", f"/metrics{query}", headers={"Connection": "close"})
                return connection.getresponse().read()
            except (OSError, HTTPException):
                return None

    def reports(self, seconds):
        """Request the metrics again and again.

        Args:
            seconds: The duration; it is shorter if the main process ends.
        Yields:
            The time of an answer, by `time.perf_counter`, and its JSON value.
        """
        end = time.perf_counter() + seconds
        while time.perf_counter() < end and self.exit_status() is None:
            if report := self.report():
                yield time.perf_counter(), report
            time.sleep(POLL_SECONDS)

    def exit_status(self):
        """Return the exit status of the main process, a negative number of a signal, or None while it runs."""
        return self._processes.exit_status()

    def stop_all(self, number, limit):
        """Send a signal to the main process, and wait until all processes of the service have ended.

        Args:
            number: The number of the signal.
            limit: The largest number of seconds to wait.
        Returns:
            The seconds until the last process has ended, or None if a process still runs.
        """
        with ExitStack() as stack:
            files = [os.pidfd_open(pid) for pid in self._processes.pids()]
            for file in files:
                stack.callback(os.close, file)
            start = time.perf_counter()
            self.signal(number)
            for file in files:  # the file is readable as soon as its process has ended
                remaining = max(start + limit - time.perf_counter(), 0)
                if not select.select([file], [], [], remaining)[0]:
                    return None
        return time.perf_counter() - start

    def is_port_free(self):
        """Return True if another server could listen on the port."""
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have ended do not matter
            try:
                listener.bind(self.address)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                return False
        return True

    def kill_worker(self, pid):
        """Kill a worker.

        Args:
            pid: Its process id.
        Returns:
            The number of its connections at that moment.
        """
        os.kill(pid, signal.SIGSTOP)  # so that it accepts and answers nothing while its connections are counted
        connections = len(established_sockets(self.address[1]) & sockets_of_process(pid))
        os.kill(pid, signal.SIGKILL)
        return connections


@contextmanager
def running_service(folder, environment, workers):
    """Run the service of a checkout until the end of the `with` block.

    Args:
        folder: The checkout.
        environment: Settings of the service, as environment variables.
        workers: The number of its workers, 1 or 2.
    Yields:
        The `Service`.
    """
    with running_contender(contender(folder, environment, workers)) as (url, processes, _):
        yield Service(url, processes)


def established_sockets(port):
    """Return the sockets of all connections to a local port, each as the target of its link in /proc/<pid>/fd."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[3] == ESTABLISHED}


def sockets_of_process(pid):
    """Return the sockets of a process in the same form."""
    return {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
