"""The course of the test: the closed loop, the minutes with their reloads and kills, and the stop."""

import time
from collections import Counter
from http.client import HTTPException
from statistics import median
from typing import NamedTuple

import numpy as np

from benchmarks.soak.answers import State
from benchmarks.soak.samples import LOADED, STARTED, Sample, increase
from benchmarks.soak.service import Stop

LOAD = 0.7  # of the rate of the closed loop
MINUTE_SECONDS = 60
RELOAD_SECOND, KILL_SECOND = 20, 40  # of a minute; a worker is killed in every second minute
# From the SIGHUP on, both networks may answer for this time. Then only the new one may.
EXCHANGE_SECONDS = 2
START_DELAY_SECONDS = 0.5  # the clients get the start in time
STATE_DELAY_SECONDS = 0.1  # the clients know a new state before the service gets its signal


class Minute(NamedTuple):
    """The results of a minute, or of the stop.

    Args:
        requests: The number of requests.
        p50: The median latency in milliseconds.
        p99: The 99th percentile of the latency in milliseconds.
        worst: The largest latency in milliseconds.
        unexpected: How often each unexpected outcome occurred.
        lost: The number of requests that were lost with a killed worker.
        restarts: The number of workers that started.
        reloads: The number of files of weights that were loaded.
        memory_bytes: The median of the resident memory of all processes.
        worker_bytes: The median of the resident memory of the largest worker.
        descriptors: The median number of open descriptors.
    """

    requests: int
    p50: float
    p99: float
    worst: float
    unexpected: Counter[str]
    lost: int
    restarts: int
    reloads: int
    memory_bytes: float
    worker_bytes: float
    descriptors: float


class Course:
    """The course of a test.

    Args:
        service: The running `Service`.
        pipe: The pipe to the clients.
        minutes: The number of minutes.

    Attributes:
        capacity: The requests a second in the closed loop.
        minutes: Each `Minute`.
        samples: Each `Sample`.
        reload_times: The seconds from the start to each reload.
        kill_times: The seconds from the start to each kill.
        other_unexpected: The unexpected outcomes in the closed loop, during the stop, and of the scrapes each second.
        stop: The `Stop` of the service.
        stop_requests: The number of requests from the end of the last minute to the end of the service.
        not_connected: The number of requests that could not be sent during the stop.
    """

    def __init__(self, service, pipe, minutes):
        self._service, self._pipe, self._count, self._start = service, pipe, minutes, 0.0
        self.capacity = 0.0
        self.minutes: list[Minute] = []
        self.samples: list[Sample] = []
        self.reload_times: list[float] = []
        self.kill_times: list[float] = []
        self.other_unexpected: Counter[str] = Counter()
        self.stop = Stop(None, 0, 0)
        self.stop_requests = self.not_connected = 0

    def measure_capacity(self):
        """Receive the result of the closed loop."""
        tally, self.capacity = self._pipe.recv()
        self.other_unexpected += tally.split_losses([])[1]

    def run(self):
        """Send requests at planned times, exchange the network, and kill workers.

        Yields:
            Each `Minute` when it has ended.
        Raises:
            RuntimeError: The service ended by itself.
        """
        self._start = time.monotonic() + START_DELAY_SECONDS
        self._pipe.send((self._start, LOAD * self.capacity, MINUTE_SECONDS))
        self._wait_and_sample(0)
        for index in range(self._count):
            self._run_minute(index)
            yield self.minutes[-1]

    def stop_under_load(self):
        """Stop the service while requests are sent."""
        self._set_state(State(frozenset({self._service.network}), is_stopping=True))
        self.stop = self._service.stop()
        self._pipe.send(None)
        tally = self._pipe.recv()
        self.stop_requests, self.not_connected = tally.requests, tally.not_connected
        self.other_unexpected += tally.split_losses([])[1]

    def _run_minute(self, index):
        """Run a minute, and append it."""
        first_sample = len(self.samples) - 1  # the last one of the minute before
        for second in range(1, MINUTE_SECONDS + 1):
            self._wait_and_sample(index * MINUTE_SECONDS + second)
            if second == RELOAD_SECOND:
                self._reload()
            elif second == RELOAD_SECOND + EXCHANGE_SECONDS:
                self._pipe.send(State(frozenset({self._service.network})))
            elif second == KILL_SECOND and index % 2 == 1:
                self.kill_times.append(time.monotonic() - self._start)
                self._service.kill_youngest_worker()
        kill_times = [self._start + seconds for seconds in self.kill_times]
        self.minutes.append(summarise(self._pipe.recv(), self.samples[first_sample:], kill_times))

    def _reload(self):
        """Exchange the network; meanwhile both networks may answer."""
        self._set_state(State(frozenset({0, 1})))
        self.reload_times.append(time.monotonic() - self._start)
        self._service.exchange_network()

    def _set_state(self, state):
        """Send the expected behaviour to the clients, before the service changes it."""
        self._pipe.send(state)
        time.sleep(STATE_DELAY_SECONDS)

    def _wait_and_sample(self, seconds):
        """Wait until some seconds after the start, and append a sample."""
        time.sleep(max(0, self._start + seconds - time.monotonic()))
        if not self._service.is_running():
            raise RuntimeError(f"the service ended by itself after {seconds} s")
        try:
            self.samples.append(self._service.sample(seconds))
        except (OSError, HTTPException) as error:
            self.other_unexpected[f"scrape of each second: {type(error).__name__}"] += 1


def summarise(tally, samples, kill_times):
    """Compute the figures of a minute.

    Args:
        tally: The `Tally` of the clients.
        samples: Each `Sample` of the minute, after the last sample of the minute before.
        kill_times: The times of the kills, in seconds of `time.monotonic`.
    Returns:
        The `Minute`.
    """
    lost, unexpected = tally.split_losses(kill_times)
    p50, p99, worst = np.percentile(tally.milliseconds, (50, 99, 100)).tolist() if tally.milliseconds else (0, 0, 0)
    return Minute(
        requests=tally.requests,
        p50=p50,
        p99=p99,
        worst=worst,
        unexpected=unexpected,
        lost=lost,
        restarts=increase(samples, STARTED),
        reloads=increase(samples, LOADED),
        memory_bytes=median(sample.memory_bytes for sample in samples[1:]),
        worker_bytes=median(sample.worker_bytes for sample in samples[1:]),
        descriptors=median(sample.descriptors for sample in samples[1:]),
    )
