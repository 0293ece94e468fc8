"""The goals, and what was measured."""

from statistics import median
from typing import NamedTuple

from benchmarks.serving.requests import BATCH_ROWS


class Goal(NamedTuple):
    """A bound, and what was measured."""

    what: str
    bound: str
    measured: str
    is_met: bool


def goals(results):
    """Hold the medians of all rounds against the goals.

    Args:
        results: By contender, the measures of each round: ours, the limit, and two workers.
    Returns:
        The goals.
    """
    ours, workers = results["ours"], results["two_workers"]
    cpu = middle(ours, "cpu_microseconds")
    ratio = cpu / middle(results["echo"], "cpu_microseconds")
    tail = middle(ours, "p99_milliseconds") / middle(ours, "p50_milliseconds")
    batch, tensor = (BATCH_ROWS / cost(ours, name) * 1e6 for name in ("batch", "tensor"))
    two = middle(workers, "cpu_microseconds") / cpu
    ready, memory = middle(ours, "ready_seconds"), middle(ours, "rss_bytes") / 2**20
    afterwards = middle(ours, "rss_bytes_afterwards") / 2**20
    picture = cost(ours, "picture") / 1e3
    return [
        Goal("`/predict`, CPU beside a bare ASGI echo", "3.4×", f"{ratio:.2f}×", ratio <= 3.4),
        Goal("its p99 beside its median, 16 connections", "2.5×", f"{tail:.2f}×", tail <= 2.5),
        Goal("its CPU with two workers beside one", "1.1×", f"{two:.2f}×", two <= 1.1),
        Goal("`/predict/batch`, 1024 rows", "240,000 rows/s a core", f"{batch:,.0f}", batch >= 240_000),
        Goal("`/v2`, 1024 rows as bytes", "480,000 rows/s a core", f"{tensor:,.0f}", tensor >= 480_000),
        Goal("`/predict/picture`, a PNG of 280×280", "3 ms of CPU", f"{picture:.1f} ms", picture <= 3),
        Goal("start to first answer", "0.6 s", f"{ready:.2f} s", ready <= 0.6),
        Goal(
            f"memory of a worker at rest, RSS ({afterwards:.0f} MiB after all of these loads)",
            "70 MiB",
            f"{memory:.2f} MiB",
            memory <= 70,
        ),
    ]


def middle(rounds, name):
    """Take the median of a measure."""
    return median(each[name] for each in rounds)


def cost(rounds, load):
    """Take the median of what a further load costs, microseconds of CPU a request."""
    return median(each["further"][load]["cpu_microseconds"] for each in rounds)
