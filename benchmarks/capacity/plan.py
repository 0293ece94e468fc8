"""The number of workers that a load needs.

Each worker is as the model describes it, and gets the requests of the connections that it has accepted.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from benchmarks.capacity.model import Cost, highest_rate, p99_seconds

MAX_WORKERS = 256  # the service has 256 slots for the counters of workers


class Load(NamedTuple):
    """Requests of one kind.

    Args:
        cost: Their cost.
        rate: Their number in a second.
    """

    cost: Cost
    rate: float


class Spread(NamedTuple):
    """How connections are spread over the workers.

    Args:
        connections: The number of connections that send equally many requests.
        unevenness: The excess of the busiest worker's share, relative to that of a random spread.
    """

    connections: int
    unevenness: float = 1.0


def busiest_share(workers, spread):
    """Estimate the share of the requests that the busiest worker gets.

    A worker serves the requests of the connections that it has accepted, so it gets more than its share if it has
    accepted more of them. If each connection goes to a random worker, the share of a worker has the variance
    p·(1 − p) / connections with p = 1 / workers. The largest of n normal numbers is on average at most √(2·ln n)
    deviations above the mean. The busiest worker has no fewer connections than an even spread gives to some worker.

    Args:
        workers: The number of workers.
        spread: How the connections are spread.
    Returns:
        The share, at most 1.

    >>> [round(busiest_share(workers, Spread(64)), 2) for workers in (1, 2, 4)]
    [1.0, 0.57, 0.34]
    >>> busiest_share(100, Spread(4))
    0.25
    """
    mean = 1 / workers
    excess = math.sqrt(2 * math.log(workers) * mean * (1 - mean) / spread.connections)
    smallest = math.ceil(spread.connections / workers) / spread.connections
    return min(1.0, max(smallest, mean + spread.unevenness * excess))


class Plan(NamedTuple):
    """The answer to a question for the number of workers.

    Args:
        workers: The number of workers, each of which needs a core.
        busiest_share: The share of the requests that the busiest worker gets.
        utilisation: The load of the busiest worker, as a share of the load that would saturate it.
        possible_rate: The rate of all requests together that these workers can serve within the limit.
    """

    workers: int
    busiest_share: float
    utilisation: float
    possible_rate: float


def plan(loads: Iterable[Load], limit_seconds, spread):
    """Find the smallest number of workers that keeps the 99th percentile of every kind of request below a limit.

    Each kind needs a part of a worker: its rate divided by the highest rate of a worker for this kind alone. The parts
    of a mix are added.

    Args:
        loads: The requests.
        limit_seconds: The limit.
        spread: How the connections are spread over the workers.
    Returns:
        The plan.
    Raises:
        ValueError: No number of workers keeps the limit.
    """
    loads = list(loads)
    needed = _needed_workers(loads, limit_seconds)
    total = sum(load.rate for load in loads)
    for workers in range(math.ceil(needed), MAX_WORKERS + 1):
        share = busiest_share(workers, spread)
        if needed * share <= 1:
            utilisation = share * sum(load.rate * load.cost.request_seconds for load in loads)
            return Plan(workers, share, utilisation, total / (needed * share))
    raise ValueError(f"more than {MAX_WORKERS} workers would be needed; use several replicas or more connections")


def _needed_workers(loads, limit_seconds):
    """Add the parts of a worker that the kinds of requests need, as if the requests were spread evenly."""
    needed = 0.0
    for cost, rate in loads:
        if not (highest := highest_rate(cost, limit_seconds)):
            fastest = p99_seconds(cost, 0) * 1000
            raise ValueError(f"a lone request takes {fastest:.1f} ms, so no number of workers keeps the limit")
        needed += rate / highest
    return needed
