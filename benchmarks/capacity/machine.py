"""The CPU time that other programs take, the cores of the processes, and the connections of each worker."""

import os
import signal
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.serving.process import CLOCK_TICKS_PER_SECOND, ProcessTree, stat_fields

ALL_CORES = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()
QUIET_SECONDS = 0.3  # without much work of other programs
STEAL = 7  # field of the first line of /proc/stat after its name: time that the host gave to other machines; proc(5)
CPU_FIELDS = slice(11, 15)  # of /proc/<pid>/stat: user and kernel mode, of the process and of its ended children


def other_cpu_seconds():
    """Return the CPU time of all programs besides this process and its descendants, and the stolen time, in seconds.

    The counters of cores in /proc/stat are samples, and miss much of a program that runs for microseconds at a time.
    Those of a process are exact, and those of a process that has ended are added to its parent.
    """
    own = set(ProcessTree(os.getpid()).pids())
    pids = {int(folder.name) for folder in Path("/proc").glob("[0-9]*")} - own
    stolen = int(Path("/proc/stat").read_text().split("\n", 1)[0].split()[1 + STEAL])
    return (stolen + sum(int(ticks) for pid in pids for ticks in stat_fields(pid)[CPU_FIELDS])) / CLOCK_TICKS_PER_SECOND


def wait_until_quiet(max_other_share, max_seconds):
    """Wait until other programs take little CPU time.

    Args:
        max_other_share: The number of cores that other programs may take.
        max_seconds: The longest wait.
    """
    deadline = time.monotonic() + max_seconds
    while time.monotonic() < deadline:
        before = other_cpu_seconds()
        time.sleep(QUIET_SECONDS)
        if other_cpu_seconds() - before <= max_other_share * QUIET_SECONDS:
            return


@contextmanager
def stopped(pids):
    """Stop some processes until the end of the block."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def use_cores(pids, cores):
    """Let all threads of some processes run on some cores.

    Args:
        pids: The ids of the processes.
        cores: The numbers of the cores.
    """
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)


def count_sockets(pids):
    """Count the open sockets of each process.

    Args:
        pids: The ids of the processes.
    Returns:
        The numbers, in the order of the processes.
    """
    return [sum(_is_socket(file) for file in Path(f"/proc/{pid}/fd").iterdir()) for pid in pids]


def _is_socket(file):
    """Tell whether a descriptor is an open socket."""
    with suppress(FileNotFoundError):  # it was closed since the folder was listed
        return file.readlink().name.startswith("socket:")
    return False
