"""What is counted, and where: a few additions for each request, and none that waits.

Labels are known beforehand; what the caller chooses, a path or a method, never becomes one. So the number of
series has a bound.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

import numpy as np

from app.metrics.histogram import Distribution, Histogram
from app.metrics.layout import Layout
from app.reader import Readings
from model import DIGITS

CELLS = 16_384  # of a lane: half as many again as are taken below

MAX_ROUTES = 40
UNMATCHED = "unmatched"  # the route of what no route took
METHODS = ("GET", "HEAD", "POST")
OTHER = "other"  # any other method
LEFT = 0  # the status of a request whose client left before it was answered
STATUSES = (LEFT, *map(int, HTTPStatus))
# Statuses of what is posted that are told of before there are any, so that rates are right from the first.
EXPECTED = (200, 500)

# A prediction takes a fraction of a millisecond, a large picture half a second.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# The most probable of ten digits has at least a tenth, and mostly nearly all.
CONFIDENCES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)
BATCH_ROWS = tuple(float(2**power) for power in range(11))  # up to the largest batch

# Why a picture is refused.
REASONS = ("blank", "busy", "malformed", "slow", "too_large", "undecodable", "unsupported_type")


class RequestCount(NamedTuple):
    """How many requests got one kind of answer."""

    route: str
    method: str
    status: int
    requests: int


class Requests:
    """Counts requests by route, method and status, and times them by route.

    Args:
        layout: Where cells are taken.
    """

    def __init__(self, layout: Layout) -> None:
        self.routes: dict[str, int] = {}
        self._posted: list[str] = []
        self._layout = layout
        self._shape = (MAX_ROUTES, len(METHODS) + 1, len(STATUSES))
        self._in_flight = layout.take(1, "in flight", is_gauge=True)
        self._counts = layout.take(int(np.prod(self._shape)), "requests", METHODS, STATUSES)
        self._durations = Histogram(layout, "seconds", SECONDS, MAX_ROUTES)
        self._cells: dict[tuple[str, str, int], int] = {}

    def name_routes(self, methods: Mapping[str, set[str]]) -> None:
        """Say which routes there are, before the layout is sealed; all others count as unmatched.

        Args:
            methods: By template, in the same order in every process.
        Raises:
            ValueError: They are too many.
        """
        routes = (UNMATCHED, *methods)
        if len(routes) > MAX_ROUTES:
            raise ValueError(f"There are {len(routes)} routes, and cells for {MAX_ROUTES}.")
        self.routes = {template: index for index, template in enumerate(routes)}
        self._posted = [template for template in methods if "POST" in methods[template]]
        self._layout.take(0, routes)

    def begin(self) -> None:
        """Count a request that arrives."""
        self._in_flight.own[0] += 1

    def end(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered, or left.

        Args:
            route: Its template.
            method: As it was sent.
            status: Of the answer, or `LEFT`.
            seconds: What it took.
        """
        self._in_flight.own[0] -= 1
        labels = route, method if method in METHODS else OTHER, status
        cell = self._cells.get(labels)
        if cell is None:
            cell = self._cells[labels] = int(np.ravel_multi_index(self._place(*labels), self._shape))
        self._counts.own[cell] += 1
        self._durations.observe(seconds, self.routes.get(route, 0))

    def in_flight(self) -> int:
        """Count the requests that are being answered, by processes that are alive.

        Returns:
            Their number.
        """
        return int(self._in_flight.lanes(living=True).sum())

    def totals(self) -> list[RequestCount]:
        """Add up the requests that were answered.

        Returns:
            Each kind of answer that was ever given, and those that are expected.
        """
        counts, routes = self._counts.sum().reshape(self._shape), list(self.routes)
        expected = [self._place(route, "POST", status) for route in self._posted for status in EXPECTED]
        places = {*map(tuple, np.argwhere(counts).tolist()), *expected}
        return [
            RequestCount(
                routes[route], (*METHODS, OTHER)[method], STATUSES[status], int(counts[route, method, status])
            )
            for route, method, status in sorted(places)
        ]

    def durations(self) -> dict[str, Distribution]:
        """Add up how long they took, in seconds.

        Returns:
            A distribution for each route that was ever asked for, or to which one posts.
        """
        totals = zip(self.routes, self._durations.totals(), strict=False)
        return {route: seconds for route, seconds in totals if seconds.total or route in self._posted}

    def _place(self, route: str, method: str, status: int) -> tuple[int, int, int]:
        return self.routes.get(route, 0), (*METHODS, OTHER).index(method), STATUSES.index(status)


class Predictions:
    """Counts what was read: digits, how sure the network was, and how many rows came at once.

    Args:
        layout: Where cells are taken.
    """

    def __init__(self, layout: Layout) -> None:
        self._digits = layout.take(DIGITS, "digits")
        self._confidences = Histogram(layout, "confidences", CONFIDENCES)
        self._batch_rows = Histogram(layout, "batch rows", BATCH_ROWS)

    def count(self, readings: Readings) -> None:
        """Count the images of one request.

        Args:
            readings: What it said.
        """
        rows, digits = len(readings.digits), self._digits.own
        self._batch_rows.observe(rows)
        if rows == 1:  # most have one row, and then the sums of arrays would take longer than the rest
            digit = int(readings.digits[0])
            digits[digit] += 1
            self._confidences.observe(float(readings.probabilities[0, digit]))
            return
        for digit, count in enumerate(np.bincount(readings.digits).tolist()):
            digits[digit] += count
        self._confidences.observe_all(readings.probabilities.max(axis=1))

    def digits(self) -> list[int]:
        """Add up the predictions.

        Returns:
            Their number, by digit from 0.
        """
        return [int(count) for count in self._digits.sum()]

    def confidences(self) -> Distribution:
        """Add up the probabilities of the digits that were read.

        Returns:
            Their distribution.
        """
        return self._confidences.totals()[0]

    def batch_rows(self) -> Distribution:
        """Add up how many rows came at once.

        Returns:
            Their distribution.
        """
        return self._batch_rows.totals()[0]


class Refusals:
    """Counts the pictures that were not read, by reason.

    Args:
        layout: Where cells are taken.
    """

    def __init__(self, layout: Layout) -> None:
        self._counts = layout.take(len(REASONS), "refusals", REASONS)

    def count(self, reason: str) -> None:
        """Count one.

        Args:
            reason: One of `REASONS`.
        """
        self._counts.own[REASONS.index(reason)] += 1

    def totals(self) -> dict[str, int]:
        """Add them up.

        Returns:
            Their number, by reason.
        """
        return {reason: int(count) for reason, count in zip(REASONS, self._counts.sum(), strict=True)}


class Instruments(NamedTuple):
    """All that is counted."""

    requests: Requests
    predictions: Predictions
    refusals: Refusals


def instruments_on(layout: Layout) -> Instruments:
    """Take cells for all instruments.

    Args:
        layout: Where cells are taken.
    Returns:
        The instruments.
    """
    return Instruments(Requests(layout), Predictions(layout), Refusals(layout))
