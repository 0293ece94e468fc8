"""Replicas of the service, each at an address of its own, and their stops and starts during an event."""

import signal
import time
from contextlib import ExitStack, contextmanager

import numpy as np

from benchmarks.faults.service import Service, contender
from benchmarks.serving.process import running_server

USED_PREDICTIONS = 20
USE_LIMIT_SECONDS = 30
SLOW_RUN_SECONDS = 0.1
SLOW_STOP_SECONDS = (1.0, 2.8)  # random, so that the stops and the probes of a balancer have no common rhythm


class Replica:
    """A replica of the service, which can be started again.

    Args:
        folder: The checkout.
        environment: Settings of the service, as environment variables.
        place: The `Place` at which it runs.

    Attributes:
        place: The place.
        service: The running `Service`; it is replaced by each start.
    """

    def __init__(self, folder, environment, place):
        self.place = place
        self.service: Service
        self._contender = contender(folder, {**environment, "DIGITS_HOST": place.host})
        self._stack = ExitStack()

    def start(self):
        """Kill the service if it runs, start it, and wait until it is ready."""
        self.kill()
        ours, place = self._contender, self.place
        url = f"http://{place.host}:{place.port}"
        command = [*place.prefix, *ours.command(place.port, None)]
        environment = {**ours.environment, "PYTHONPATH": str(ours.folder)}
        server = running_server(command, environment, ours.folder, lambda: ours.is_ready(url))
        processes, _ = self._stack.enter_context(server)
        self.service = Service(url, processes)
        self._stack.callback(self._kill)  # a stop by SIGTERM would take seconds

    def kill(self):
        """Kill the service if it runs."""
        self._stack.close()

    def _kill(self):
        if self.service.exit_status() is None:
            self.service.signal(signal.SIGKILL)

    def predictions(self):
        """Return how many predictions the service has made since its start, or None without an answer."""
        report = self.service.report()
        return report and sum(report["service"]["predictions"])

    def seconds_until_used(self):
        """Wait until the service predicts for clients.

        Returns:
            The seconds until then, or None if it has not happened in time.
        """
        start = time.perf_counter()
        before = self.predictions() or 0
        for moment, report in self.service.reports(USE_LIMIT_SECONDS):
            if sum(report["service"]["predictions"]) >= before + USED_PREDICTIONS:
                return moment - start
        return None

    def slow_down(self, seconds):
        """Let the service run for a small part of the time only.

        Args:
            seconds: The duration.
        Returns:
            The part of the time in which the service could run.
        """
        start, stopped, random = time.perf_counter(), 0.0, np.random.default_rng()
        while (stop := time.perf_counter()) < start + seconds:
            self.service.signal(signal.SIGSTOP)
            try:
                time.sleep(random.uniform(*SLOW_STOP_SECONDS))
            finally:
                self.service.signal(signal.SIGCONT)
            stopped += time.perf_counter() - stop
            time.sleep(SLOW_RUN_SECONDS)
        return 1 - stopped / (time.perf_counter() - start)


@contextmanager
def running_replicas(folder, environment, places):
    """Run replicas of the service of a checkout until the end of the `with` block.

    Args:
        folder: The checkout.
        environment: Settings of the service, as environment variables.
        places: The `Place` of each replica.
    Yields:
        A list of `Replica`.
    """
    with ExitStack() as stack:
        replicas = [Replica(folder, environment, place) for place in places]
        for replica in replicas:
            stack.callback(replica.kill)
            replica.start()
        yield replicas
