"""Markdown table of the soak test: one row for each minute."""

import os
import platform
import textwrap
import time

from benchmarks.serving.report import LINE_LENGTH
from benchmarks.soak.clients import CLIENTS, NEW_CONNECTION_SHARE
from benchmarks.soak.course import LOAD
from benchmarks.soak.service import WORKERS
from benchmarks.training import processor_name

COLUMNS = (
    *("minute", "requests", "p50 ms", "p99 ms", "worst ms", "unexpected", "lost with a killed worker"),
    *("workers started", "networks loaded", "MiB", "largest worker MiB", "descriptors"),
)


def conditions(capacity):
    """Describe the conditions of the test.

    Args:
        capacity: The requests a second in the closed loop.
    Returns:
        The sentences, in lines of the documentation's length.
    """
    machine = f"{processor_name()}, {os.cpu_count()} cores, {platform.platform()}, {time.strftime('%Y-%m-%d')}"
    text = (
        f"`make soak` on {machine}: {WORKERS} workers on one core, and {CLIENTS} clients on another, which send "
        f"{NEW_CONNECTION_SHARE:.0%} of the requests on new connections. In a closed loop they sent {capacity:,.0f} "
        f"requests/s, and then {LOAD * capacity:,.0f} requests/s ({LOAD:.0%}) at random planned times, from which the "
        "latency counts. Memory and descriptors are medians of the minute."
    )
    return textwrap.fill(text, LINE_LENGTH, break_on_hyphens=False)


def head():
    """Write the first two lines of the table.

    Returns:
        Lines of Markdown.
    """
    return f"| {' | '.join(COLUMNS)} |\n{'|---:' * len(COLUMNS)}|"


def row(number, minute):
    """Write the row of a minute.

    Args:
        number: The number of the minute, from 1.
        minute: The `Minute`.
    Returns:
        A line of Markdown.
    """
    cells = (
        str(number),
        f"{minute.requests:,}",
        *(f"{milliseconds:.1f}" for milliseconds in (minute.p50, minute.p99)),
        f"{minute.worst:.0f}",
        *(f"{count:,}" for count in (minute.unexpected.total(), minute.lost, minute.restarts, minute.reloads)),
        *(f"{size / 2**20:.1f}" for size in (minute.memory_bytes, minute.worker_bytes)),
        f"{minute.descriptors:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def stop_sentence(course):
    """Describe the stop of the service.

    Args:
        course: The `Course`, after its stop.
    Returns:
        A sentence.
    """
    return (
        f"Stopped under load: SIGTERM to the end took {course.stop.seconds:.1f} s, the exit status was "
        f"{course.stop.status}, {course.stop_requests:,} requests were sent, and {course.not_connected:,} "
        "could not connect."
    )
