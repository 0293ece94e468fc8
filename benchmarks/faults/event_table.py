"""Markdown table of the events: one row for each of them."""

import textwrap

from benchmarks.faults.continuous_clients import BUSY_CLIENTS, IDLE_CLIENTS, MAX_PAUSE_SECONDS, NEW_CLIENTS, Outcome
from benchmarks.faults.event import DRAIN, LOAD_SECONDS
from benchmarks.faults.events import EVENTS
from benchmarks.faults.table import machine, markdown_table
from benchmarks.serving.report import LINE_LENGTH

COLUMNS = {
    "event": "---",
    "times": "---:",
    "requests": "---:",
    "lost on kept / new connections": "---:",
    "other status": "---:",
    "wrong": "---:",
    "not connected": "---:",
    "worst ms": "---:",
    "besides": "---",
}


def event_conditions():
    """Describe the conditions of the events and the cells of the table.

    Returns:
        The sentences, in lines of the documentation's length.
    """
    text = (
        f"`make faults` on {machine()}: the service on one core, with a drain of {DRAIN['DIGITS_DRAIN_SECONDS']} s, "
        f"and all clients and load balancers on another. They start {LOAD_SECONDS} s before an event. A client sends "
        f"its next request after the answer: {BUSY_CLIENTS} clients keep their connection, {IDLE_CLIENTS} keep it and "
        f"pause for up to {MAX_PAUSE_SECONDS} s, and {NEW_CLIENTS} open a connection for each request. A lost request "
        f"was sent and not answered completely. An error of a load balancer is another status. A wrong answer has the "
        f"status 200, but none of the expected networks gives this prediction. A client that could not connect has "
        f"lost no request, and it ends. Milliseconds are the longest wait for an answer."
    )
    return textwrap.fill(text, LINE_LENGTH, break_on_hyphens=False)


def event_table(measurements):
    """Write the measurements.

    Args:
        measurements: The `EventMeasurement` of each event, by its name.
    Returns:
        Iterator of lines of Markdown.
    """
    return markdown_table(COLUMNS, (cells(EVENTS[name].title, each) for name, each in measurements.items()))


def cells(title, measurement):
    """Write the cells of a row.

    Args:
        title: Name of the event.
        measurement: The `EventMeasurement`.
    Returns:
        The cells, one for each of `COLUMNS`.
    """
    tally = measurement.tally
    outcomes = tally.outcomes
    return (
        title,
        f"{measurement.times:,}",
        f"{tally.sent():,}",
        f"{outcomes[Outcome.LOST_KEPT]:,} / {outcomes[Outcome.LOST_NEW]:,}",
        f"{outcomes[Outcome.OTHER_STATUS]:,}",
        f"{measurement.wrong:,}",
        f"{outcomes[Outcome.NOT_CONNECTED]:,}",
        f"{tally.worst_seconds * 1000:.0f}",
        measurement.remark,
    )
