"""Markdown table of the faults: one row for each load."""

import os
import platform
import textwrap
import time
from statistics import median

from benchmarks.faults.loads import LOADS
from benchmarks.faults.measure import SETTLE_SECONDS
from benchmarks.faults.service import OPEN_FILES
from benchmarks.serving.report import LINE_LENGTH
from benchmarks.training import processor_name

COLUMNS = {
    "sent": "---",
    "requests": "---:",
    "200 / 503 / other / lost": "---:",
    "goodput, of its peak": "---:",
    "probe ms": "---:",
    "prediction ms": "---:",
    "on a new connection": "---:",
    "MiB": "---:",
    "besides": "---",
}


def conditions(seconds):
    """Describe the conditions of the measurement and the cells of the table.

    Args:
        seconds: The duration of each load.
    Returns:
        The sentences, in lines of the documentation's length.
    """
    text = (
        f"`make faults` on {machine()}: one worker with at most {OPEN_FILES} open files on one "
        f"core, and all clients on another, {seconds} s for each load. Milliseconds are the median / the worst wait of "
        f"clients beside the load. MiB are the peak → {SETTLE_SECONDS} s after the load."
    )
    return textwrap.fill(text, LINE_LENGTH, break_on_hyphens=False)


def machine():
    """Describe this machine, and tell the date."""
    return f"{processor_name()}, {os.cpu_count()} cores, {platform.platform()}, {time.strftime('%Y-%m-%d')}"


def fault_table(measurements):
    """Write the measurements.

    Args:
        measurements: The `Measurement` of each load, by its name.
    Returns:
        Iterator of lines of Markdown.
    """
    return markdown_table(COLUMNS, (cells(LOADS[name].title, each) for name, each in measurements.items()))


def markdown_table(columns, rows):
    """Write a table.

    Args:
        columns: The alignment of each column, by its title.
        rows: The cells of each row.
    Yields:
        Lines of Markdown.
    """
    yield f"| {' | '.join(columns)} |"
    yield f"|{'|'.join(columns.values())}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def cells(title, measurement):
    """Write the cells of a row.

    Args:
        title: Name of the load.
        measurement: The `Measurement`.
    Returns:
        The cells, one for each of `COLUMNS`.
    """
    sent, peak = measurement.sent, measurement.peak
    return (
        title,
        f"{sent.requests:,}",
        " / ".join(f"{count:,}" for count in sent.answers),
        f"{sent.goodput:,.0f}/s, {sent.goodput / peak:.0%}" if peak else "-",
        *map(wait_cell, measurement.waits),
        f"{measurement.peak_bytes / 2**20:.0f} → {measurement.bytes_afterwards / 2**20:.0f}",
        sent.remark or "-",
    )


def wait_cell(waits):
    """Write the waits of good clients of one kind.

    Args:
        waits: Each `Wait`.
    Returns:
        The median and the worst wait for an answer in milliseconds, and how many requests were not answered with 200.
    """
    answered = [wait.seconds * 1000 for wait in waits if wait.status is not None]
    figures = f"{median(answered):.1f} / {max(answered):.0f}" if answered else "-"
    lost = len(waits) - len(answered)
    rejected = sum(wait.status not in {None, 200} for wait in waits)
    notes = [f"{rejected} rejected"] * bool(rejected) + [f"{lost} lost"] * bool(lost)
    return f"{figures} ({', '.join(notes)} of {len(waits)})" if notes else figures
