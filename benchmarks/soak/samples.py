"""Memory, descriptors and counters of the service, each second."""

import re
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

RESIDENT = re.compile(r"VmRSS:\s*(\d+) kB")
# The ends of the names of series that may only grow.
COUNTER_ENDS = ("_total", "_bucket", "_count", "_sum")
STARTED = "service_worker_starts_total"
LOADED = 'model_loads_total{result="success"}'


class Sample(NamedTuple):
    """The state of the service at a moment.

    Args:
        seconds: The time since the start of the test.
        memory_bytes: The resident memory of all processes.
        worker_bytes: The resident memory of the largest worker.
        descriptors: The number of open descriptors of all processes.
        counters: The counters of `/metrics`, by series.
    """

    seconds: float
    memory_bytes: int
    worker_bytes: int
    descriptors: int
    counters: dict[str, float]


def take_sample(seconds, pids, text):
    """Measure the processes of the service.

    Args:
        seconds: The time since the start of the test.
        pids: The ids of the processes; the supervisor is the first.
        text: The answer of `/metrics` as Prometheus text or OpenMetrics.
    Returns:
        The `Sample`.
    """
    memory, descriptors = {}, 0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):  # the process has ended since its id was found
            memory[pid] = _resident_bytes(pid)
            descriptors += len(list(Path(f"/proc/{pid}/fd").iterdir()))
    largest = max(memory.get(pid, 0) for pid in pids[1:])
    return Sample(seconds, sum(memory.values()), largest, descriptors, parse_counters(text))


def parse_counters(text):
    """Parse the counters of `/metrics`, and also the counts and sums of histograms.

    Args:
        text: Prometheus text or OpenMetrics.
    Returns:
        The value of each series, by its name and labels.
    """
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {series: float(value) for series, _, value in lines if series.partition("{")[0].endswith(COUNTER_ENDS)}


def shrunken_counters(samples):
    """Find counters that were smaller in a later sample, or missing.

    Args:
        samples: Each `Sample`, in their order.
    Returns:
        The sorted series.
    """
    shrunken = set()
    for before, after in pairwise(samples):
        shrunken |= {series for series, value in before.counters.items() if after.counters.get(series, -1) < value}
    return sorted(shrunken)


def increase(samples, name):
    """Return by how much the sum of a family of counters grew.

    Args:
        samples: Each `Sample`, in their order.
        name: The name of the family, with or without labels of a series.
    Returns:
        The difference between the last and the first sample.
    """
    first, last = (
        sum(value for series, value in sample.counters.items() if series.startswith(name))
        for sample in (samples[0], samples[-1])
    )
    return int(last - first)


def _resident_bytes(pid):
    """Return the resident memory of a process; a process that ends has none."""
    found = RESIDENT.search(Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0
