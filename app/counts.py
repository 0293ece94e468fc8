"""Counts that `/metrics` reports."""

import time
from dataclasses import dataclass, field

from model import DIGITS


@dataclass
class Counts:
    """What this process has done since it started.

    Args:
        requests: Requests answered.
        predictions: Predictions made, by digit.
        started: When it started, seconds of the monotonic clock.
    """

    requests: int = 0
    predictions: list[int] = field(default_factory=lambda: [0] * DIGITS)
    started: float = field(default_factory=time.monotonic)
