"""The service under test: starts it with two workers, exchanges its network, kills a worker, and stops it."""

import os
import signal
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np

from benchmarks.serving.comparison import running_contender
from benchmarks.serving.contenders import CONTENDERS, WEIGHTS
from benchmarks.serving.process import stat_fields
from benchmarks.soak.requests import PROMETHEUS_ACCEPT
from benchmarks.soak.samples import take_sample
from model import load_artefact, save_artefact

WORKERS = 2
SCRAPE_TIMEOUT_SECONDS = 10
STOP_TIMEOUT_SECONDS = 30
END_SECONDS = 1  # after the end of the supervisor; `resource_tracker` of Python ends just after it
START_TIME = 19  # index in /proc/<pid>/stat of the start, counted after the process's name; proc(5)


class Stop(NamedTuple):
    """The end of the service.

    Args:
        status: The exit status, or the negative number of the signal that ended it, or None if it did not end in time.
        seconds: The time from the SIGTERM to the end.
        processes_left: The number of other processes of the service that still run.
    """

    status: int | None
    seconds: float
    processes_left: int


class Service:
    """The running service.

    Args:
        url: Its URL.
        processes: Its `ProcessTree`; the supervisor is the first process.
        weights: The file of weights that it serves.
        networks: The weights and the card of each of the two networks.
        log: The log as an open file.

    Attributes:
        address: Its host and port.
        network: Which of the networks it serves, 0 or 1.
    """

    def __init__(self, url, processes, weights, networks, log):
        parts = urlsplit(url)
        self.address = (parts.hostname, parts.port)
        self.network = 0
        self._processes, self._weights, self._networks = processes, weights, networks
        self._log = log

    def sample(self, seconds):
        """Measure the processes, and scrape the metrics on a new connection.

        Args:
            seconds: The time since the start of the test.
        Returns:
            The `Sample`.
        """
        with closing(HTTPConnection(*self.address, timeout=SCRAPE_TIMEOUT_SECONDS)) as connection:
            connection.request("GET", "/metrics", headers={"Accept": PROMETHEUS_ACCEPT})
            text = connection.getresponse().read().decode()
        return take_sample(seconds, self._processes.pids(), text)

    def exchange_network(self):
        """Replace the file of weights by that of the other network, and send SIGHUP."""
        self.network = 1 - self.network
        save_artefact(self._weights, *self._networks[self.network])
        os.kill(self._processes.pid, signal.SIGHUP)

    def kill_youngest_worker(self):
        """End the worker that started last by SIGKILL. The other one shows whether memory grows over the whole time."""
        os.kill(max(self._processes.worker_pids(), key=_start_time), signal.SIGKILL)

    def is_running(self):
        """Tell whether the supervisor runs."""
        return self._processes.exit_status() is None

    def stop(self):
        """Send SIGTERM, and wait for the end.

        Returns:
            The `Stop`.
        """
        start, (pid, *others) = time.monotonic(), self._processes.pids()
        os.kill(pid, signal.SIGTERM)
        while (status := self._processes.exit_status()) is None and time.monotonic() < start + STOP_TIMEOUT_SECONDS:
            time.sleep(0.01)
        seconds = time.monotonic() - start
        while (left := _count_running(others)) and time.monotonic() < start + seconds + END_SECONDS:
            time.sleep(0.01)
        return Stop(status, seconds, left)

    def read_log(self):
        """Return the lines of the log that were not read yet."""
        return self._log.read().splitlines()


@contextmanager
def running_service(folder):
    """Run the service until the end of the `with` block.

    Args:
        folder: The checkout whose service runs.
    Yields:
        The `Service`.
    """
    artefact = load_artefact(WEIGHTS)
    networks = [(artefact.network.weights, artefact.card), second_network(artefact)]
    with TemporaryDirectory() as weights_folder:
        weights = Path(weights_folder) / "weights.npz"
        save_artefact(weights, *networks[0])
        environment = {"DIGITS_WEIGHTS": str(weights)}
        contender = CONTENDERS["two_workers"]._replace(environment=environment, folder=folder)
        with running_contender(contender) as (url, processes, _), open_log(processes.pid) as log:
            yield Service(url, processes, weights, networks, log)


def second_network(artefact):
    """Build a network that answers the successor of each digit, so that an answer tells which network gave it.

    Args:
        artefact: The first network with its card.
    Returns:
        The weights and the card of the second network.
    """
    weights, card = artefact.network.weights, artefact.card
    last_layer = {"W3": np.roll(weights.W3, 1, axis=1), "b3": np.roll(weights.b3, 1)}
    return weights._replace(**last_layer), replace(card, version=str(int(card.version) + 1))


def open_log(pid):
    """Open the log of a process, which is a file without a name, so that it can be read even after the process ended.

    Args:
        pid: The id of the process.
    Returns:
        The open file.
    """
    return Path(f"/proc/{pid}/fd/2").open(encoding="utf-8")


def _count_running(pids):
    """Count the processes that have not ended; a zombie has ended, but its parent does not know yet."""
    return sum((fields := stat_fields(pid)) != [] and fields[0] != "Z" for pid in pids)


def _start_time(pid):
    """Return when a process started, in clock ticks."""
    return int(stat_fields(pid)[START_TIME])
