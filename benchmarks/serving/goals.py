"""Comparison of the measured figures with the project's performance goals."""

from statistics import median
from typing import NamedTuple

from benchmarks.serving.additional_loads import BATCH_SIZE

ECHO_RATIO_BOUND = 2.2  # CPU of `/predict` relative to a bare ASGI echo; the quick benchmark has the same goal


class Goal(NamedTuple):
    """A performance goal and the figure that was measured.

    Args:
        subject: What is measured, in Markdown.
        bound: The goal's bound with its unit.
        measured: The measured figure with its unit.
        is_met: True if the measured figure is within the bound.
    """

    subject: str
    bound: str
    measured: str
    is_met: bool


def goals(results):
    """Compare the medians of all rounds with the goals.

    Args:
        results: The measurements of each round, by contender; at least `ours`, `echo` and `two_workers`.
    Returns:
        All goals, in the order of the table.
    """
    ours, two_workers = results["ours"], results["two_workers"]
    cpu = median_of(ours, "cpu_microseconds")
    cpu_ratio = cpu / median_of(results["echo"], "cpu_microseconds")
    p99_ratio = median_of(ours, "p99_milliseconds") / median_of(ours, "p50_milliseconds")
    batch_rate, tensor_rate = (BATCH_SIZE / cpu_of_additional_load(ours, name) * 1e6 for name in ("batch", "tensor"))
    workers_ratio = median_of(two_workers, "cpu_microseconds") / cpu
    ready_seconds, rss_mib = median_of(ours, "ready_seconds"), median_of(ours, "rss_bytes") / 2**20
    rss_mib_afterwards = median_of(ours, "rss_bytes_afterwards") / 2**20
    picture_ms = cpu_of_additional_load(ours, "picture") / 1e3
    return [
        Goal(
            "CPU of `/predict` relative to a bare ASGI echo",
            f"{ECHO_RATIO_BOUND}×",
            f"{cpu_ratio:.2f}×",
            cpu_ratio <= ECHO_RATIO_BOUND,
        ),
        Goal("p99 of `/predict` relative to its median", "2.5×", f"{p99_ratio:.2f}×", p99_ratio <= 2.5),
        Goal("CPU of `/predict`, two workers relative to one", "1.1×", f"{workers_ratio:.2f}×", workers_ratio <= 1.1),
        Goal("`/predict/batch`, 1024 rows", "240,000 rows/s a core", f"{batch_rate:,.0f}", batch_rate >= 240_000),
        Goal("`/v2`, 1024 rows as bytes", "480,000 rows/s a core", f"{tensor_rate:,.0f}", tensor_rate >= 480_000),
        Goal("`/predict/picture`, a PNG of 280×280", "3 ms of CPU", f"{picture_ms:.1f} ms", picture_ms <= 3),
        Goal("start to first answer", "0.6 s", f"{ready_seconds:.2f} s", ready_seconds <= 0.6),
        Goal(
            f"memory of a worker at rest, RSS ({rss_mib_afterwards:.0f} MiB after all of these loads)",
            "75 MiB",
            f"{rss_mib:.2f} MiB",
            rss_mib <= 75,
        ),
    ]


def median_of(measurements, name):
    """Return the median of one quantity over several measurements.

    Args:
        measurements: Mappings from names of quantities to numbers.
        name: The name of the quantity.
    Returns:
        The median.
    """
    return median(measurement[name] for measurement in measurements)


def cpu_of_additional_load(measurements, load_name):
    """Return the median CPU of a request of an additional load, in microseconds.

    Args:
        measurements: One measurement of a contender for each round.
        load_name: The load's name in `additional_loads`.
    Returns:
        The median.
    """
    return median_of([measurement["further"][load_name] for measurement in measurements], "cpu_microseconds")
