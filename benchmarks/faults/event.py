"""The form of an event and of its measurement, and the settings that all events share."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.faults.continuous_clients import Tally
from model import Floats32

LOAD_SECONDS = 2  # before an event
IMAGES = 10  # different images for different clients, so that an answer to the request of another client is wrong
STOP_LIMIT_SECONDS = 20
NOT_ENDED = f"not within {STOP_LIMIT_SECONDS} s"
DRAIN = {"DIGITS_DRAIN_SECONDS": "2"}  # the default, which the other benchmarks shorten


class Plan(NamedTuple):
    """Settings of all events.

    Args:
        folder: The checkout whose service is measured.
        images: Images to send, shape (B, 64), whole numbers in [0, 16].
        stop_requests: The number of requests after which a stop is not repeated.
    """

    folder: Path
    images: Floats32
    stop_requests: int


class EventMeasurement(NamedTuple):
    """The effects of an event on the service and on the clients beside it.

    Args:
        times: How often the event has happened.
        tally: The `Tally` of the clients.
        wrong: The number of answers with the status 200 that no expected network gives.
        remark: The other measurements, as text.
    """

    times: int
    tally: Tally
    wrong: int
    remark: str


class Event(NamedTuple):
    """An event.

    Args:
        title: Name of the event in the table.
        measure: Function of a `Plan`; returns the `EventMeasurement`.
    """

    title: str
    measure: Callable[[Plan], EventMeasurement]


def worst_time(seconds, otherwise):
    """Write the longest of several times in seconds, or another text if one of them is None."""
    known = [time for time in seconds if time is not None]
    return f"after {max(known):.2f} s at most" if len(known) == len(seconds) else otherwise


def format_statuses(statuses):
    """Write the exit statuses of several stops."""
    return ", ".join("none" if status is None else str(status) for status in sorted(statuses, key=str))
