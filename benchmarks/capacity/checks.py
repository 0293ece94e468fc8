"""Checks of the model: the highest rate that keeps a limit, measured with one and with two workers.

The load generator needs CPU time too. With one worker, it has a core of its own. Two workers share both cores with it,
so the model gets a smaller part of each core for a worker: half of what the generator leaves.
"""

import os
import time
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from benchmarks.capacity.constants import SETTLE_SECONDS, closed_loop_rate, shares_since
from benchmarks.capacity.generator import Generator, random_times
from benchmarks.capacity.kinds import build_request
from benchmarks.capacity.machine import (
    ALL_CORES,
    count_sockets,
    other_cpu_seconds,
    stopped,
    use_cores,
    wait_until_quiet,
)
from benchmarks.capacity.model import PERCENTILE, bisect, p99_seconds
from benchmarks.serving.comparison import running_contender
from benchmarks.serving.contenders import CONTENDERS
from benchmarks.serving.wrk import CLIENT_CORE

# So many that requests rarely wait for an idle connection: otherwise a busy worker would get fewer requests. The
# connections of a worker send fewer pictures at the same time than it accepts.
CONNECTIONS_OF_WORKER = 64
CORES = 2
SEEDS = (1, 2, 3)  # of the runs at one rate; the median of three runs decides
STEPS = 5  # of the search, each of which halves the range
LOWEST, HIGHEST = 0.1, 1.2  # of the search, relative to the rate that saturates the workers by the model
# A run waits until other programs take at most this share of a core. It is repeated if they take more meanwhile, and
# the run with the smallest share counts.
MAX_OTHER_SHARE = 0.1
ATTEMPTS, MAX_WAIT_SECONDS = 2, 20
TOLERANCE = 0.2  # of the model


class Case(NamedTuple):
    """A kind of request with the limits to check.

    Args:
        kind: One of the `kinds.KINDS`.
        rows: The number of images of a batch.
        limits: The limits of the 99th percentile, in seconds.
        seconds: The duration of a run; slow requests need a longer one.
    """

    kind: str
    rows: int
    limits: tuple[float, ...]
    seconds: float


CASES = (
    Case("predict", 0, (0.005, 0.01, 0.02), 3),
    Case("batch", 256, (0.01, 0.03), 3),
    Case("picture", 0, (0.02, 0.05), 4),
)


class Run(NamedTuple):
    """One run at one rate.

    Args:
        p99_seconds: The 99th percentile of the latency.
        generator_share: The cores that the generator used.
        other_share: The cores that other programs used.
    """

    p99_seconds: float
    generator_share: float
    other_share: float


def measure_case(case, workers, images, address_of, saturation_rate):
    """Measure the highest rate for each limit of a case.

    Args:
        case: The case.
        workers: The number of workers, 1 or 2.
        images: Images to send, shape (B, 64), whole numbers in [0, 16].
        address_of: Function that returns the host and port of a URL.
        saturation_rate: The rate that saturates one worker by the model; the search starts around it.
    Yields:
        For each limit the result by name, as the committed results have it.
    """
    request = build_request(case.kind, images, case.rows)
    with (
        _running_workers(workers) as (url, processes),
        _connected(address_of(url), request, processes, workers) as (generator, share),
    ):
        closed_loop_rate(generator, workers * CONNECTIONS_OF_WORKER)  # warms the service up
        top = workers * saturation_rate
        for limit in case.limits:
            rate, runs = search(lambda rate, seed: _quiet_run(generator, rate, case.seconds, seed), limit, top)
            yield {
                "kind": case.kind,
                "rows": case.rows,
                "workers": workers,
                "limit_seconds": limit,
                "busiest_share": share,
                "rate": rate,
                "generator_share": float(np.median([run.generator_share for run in runs])),
                "other_share": max(run.other_share for run in runs),
            }


@contextmanager
def _running_workers(workers):
    """Run the service with one worker on a core of its own, or with two workers on all cores."""
    os.sched_setaffinity(0, {int(CLIENT_CORE)} if workers == 1 else ALL_CORES)
    with running_contender(CONTENDERS["ours" if workers == 1 else "two_workers"]) as (url, processes, _):
        if workers > 1:
            use_cores(processes.pids(), ALL_CORES)
        yield url, processes


@contextmanager
def _connected(address, request, processes, workers):
    """Open equally many connections to each worker; yield the generator and the share of the busiest worker.

    While a worker accepts its connections, the other one is stopped. Then each of two workers gets a core of its own.
    """
    pids = processes.worker_pids() if workers > 1 else processes.pids()
    before = count_sockets(pids)
    with Generator(address, request, 0) as generator:
        for pid in pids:
            with stopped([other for other in pids if other != pid]):
                generator.open(CONNECTIONS_OF_WORKER)
                time.sleep(SETTLE_SECONDS)
        share = max(shares_since(before, pids))
        for core, pid in zip(sorted(ALL_CORES), processes.worker_pids(), strict=False):
            use_cores([pid], {core})
        yield generator, share


def _quiet_run(generator, rate, seconds, seed):
    """Run once on a quiet machine, or again if other programs took much CPU time."""
    runs = []
    for _ in range(ATTEMPTS):
        wait_until_quiet(MAX_OTHER_SHARE, MAX_WAIT_SECONDS)
        runs.append(_run(generator, rate, seconds, seed))
        if runs[-1].other_share <= MAX_OTHER_SHARE:
            break
    return min(runs, key=lambda run: run.other_share)


def _run(generator, rate, seconds, seed):
    """Send requests at random times, and measure."""
    other = other_cpu_seconds()
    sent = generator.send(random_times(rate, seconds, seed), seed)
    other = other_cpu_seconds() - other
    p99 = float(np.quantile(sent.latencies, PERCENTILE))
    return Run(p99, sent.cpu_seconds / sent.seconds, other / sent.seconds)


def search(run, limit, top):
    """Find the highest rate at which most runs keep a limit.

    Args:
        run: Function of a rate and a seed; returns a `Run`.
        limit: The limit of the 99th percentile, in seconds.
        top: The rate around which the search starts.
    Returns:
        The rate, and the runs that decided about the last rate below and the first rate above it.
    """
    low, high = LOWEST * top, HIGHEST * top
    runs: dict[float, list[Run]] = {}
    for _ in range(STEPS):
        middle = (low + high) / 2
        keeps, runs[middle] = _keeps(run, limit, middle)
        low, high = (middle, high) if keeps else (low, middle)
    return (low + high) / 2, [*runs.get(low, []), *runs.get(high, [])]


def _keeps(run, limit, rate):
    """Tell whether most runs keep the limit; the third run is not needed if the first two agree."""
    runs: list[Run] = []
    while True:
        runs.append(run(rate, SEEDS[len(runs)]))
        kept = sum(one.p99_seconds <= limit for one in runs)
        if max(kept, len(runs) - kept) > len(SEEDS) / 2:
            return kept > len(runs) - kept, runs


def model_rate(check, cost):
    """Compute the highest rate of a check by the model.

    Args:
        check: A result of `measure_case`.
        cost: The cost of a request.
    Returns:
        The requests a second of all workers together.
    """

    def keeps(rate):
        generator_share = check["generator_share"] * rate / check["rate"]
        left = 1 - generator_share / CORES if check["workers"] == CORES else 1.0
        if left <= 0:
            return False
        return p99_seconds(cost.on_share(left), rate * check["busiest_share"]) <= check["limit_seconds"]

    return bisect(keeps, check["workers"] * cost.saturation_rate)
