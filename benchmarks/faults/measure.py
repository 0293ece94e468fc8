"""The measurement of one load: the service starts anew for each load."""

import re
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from benchmarks.faults import requests
from benchmarks.faults.good_clients import Waits, good_clients
from benchmarks.faults.loads import Sent, Target
from benchmarks.faults.service import contender
from benchmarks.serving.comparison import running_contender

SETTLE_SECONDS = 3  # after the load, before the remaining memory is measured
RESET_PEAK = "5"  # what to write to /proc/<pid>/clear_refs, proc(5)


class Measurement(NamedTuple):
    """The effects of a load on the service and on the good clients beside it.

    Args:
        sent: The outcome of the load.
        peak: The largest goodput, measured before; None for a load without goodput.
        waits: The `Waits` of the good clients during the load.
        peak_bytes: The largest resident memory of the service during the load.
        bytes_afterwards: Its resident memory some seconds after the load.
    """

    sent: Sent
    peak: float | None
    waits: Waits
    peak_bytes: int
    bytes_afterwards: int


def measure(load, images, seconds, folder):
    """Start the service, send it a load with good clients beside it, and stop it.

    Args:
        load: The `FaultLoad`.
        images: Images to send, shape (B, 64), whole numbers in [0, 16]; B is at least 1024.
        seconds: The duration of the load.
        folder: The checkout whose service is measured.
    Returns:
        The `Measurement`.
    """
    with running_contender(contender(folder, load.environment)) as (url, processes, _):
        parts = urlsplit(url)
        target = Target(url, (parts.hostname, parts.port), processes, images)
        peak = load.measure_peak(target) if load.measure_peak else None
        reset_peak_memory(processes)
        with good_clients(target.address, requests.probe(), requests.single_image(images)) as waits:
            sent = load.send(target, seconds)
        peak_bytes = memory_bytes(processes, "VmHWM")
        time.sleep(SETTLE_SECONDS)
        return Measurement(sent, peak, waits, peak_bytes, memory_bytes(processes, "VmRSS"))


def reset_peak_memory(processes):
    """Make the largest memory of processes count from now on.

    Args:
        processes: A `ProcessTree`.
    """
    for pid in processes.pids():
        Path(f"/proc/{pid}/clear_refs").write_text(RESET_PEAK)


def memory_bytes(processes, name):
    """Read a size of the memory of processes.

    Args:
        processes: A `ProcessTree`.
        name: The name in /proc/<pid>/status: `VmRSS` is the present memory, and `VmHWM` the largest one.
    Returns:
        The sum over the processes, in bytes.
    """
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in processes.pids()]
    return sum(int(kilobytes) * 1024 for text in statuses for kilobytes in re.findall(rf"{name}:\s*(\d+) kB", text))
