"""Give files to a target without instrumentation, and measure time and memory."""

import resource
import time
from pathlib import Path
from typing import NamedTuple

from tests.fuzzing.targets import TARGETS

MAX_SECONDS = 1.0  # of the processor, for any input
STATUS_FILE = "/proc/{}/status"  # only Linux has it


class Replay(NamedTuple):
    """Result of a replay.

    Args:
        files: Number of files.
        slowest: The file that took the most time of the processor.
        seconds: That time.
        memory: Resident memory after each round, in MiB.
    """

    files: int
    slowest: Path | None
    seconds: float
    memory: list[float]


def replay(target, files, rounds=1):
    """Give each file to a target.

    Args:
        target: Name of the target.
        files: Paths of the files.
        rounds: How often all files are given to it.
    Returns:
        The measurements.
    Raises:
        Exception: A file breaks a property.
    """
    function, times, memory = TARGETS[target], dict.fromkeys(files, float("inf")), []
    function(b"")  # builds the parts that all inputs use
    for _ in range(rounds):
        for file in files:
            data, started = file.read_bytes(), time.process_time()
            function(data)
            times[file] = min(times[file], time.process_time() - started)
        memory.append(resident_memory())
    slowest = max(times, key=times.__getitem__, default=None)
    return Replay(len(files), slowest, times.get(slowest, 0.0), memory)


def resident_memory(process="self"):
    """Return the resident memory of a process in MiB; on other systems than Linux, the peak of this process."""
    status = Path(STATUS_FILE.format(process))
    if status.exists():
        lines = status.read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
