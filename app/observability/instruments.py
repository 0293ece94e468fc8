"""The instruments: they count requests, predictions and rejected pictures; an event costs a few additions.

All label values are known beforehand. A text that the caller chooses, such as a path or a method, never
becomes a label value. The number of time series is therefore bounded.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

import numpy as np

from app.observability.counter_registry import CounterRegistry
from app.observability.histogram import Distribution, HistogramGroup
from app.predictor import Predictions
from model import DIGITS

INSTRUMENT_COUNTERS = 16_384  # counters of a slot for the instruments below, which need two thirds of them

MAX_ROUTES = 40
UNMATCHED = "unmatched"  # label value for requests that match no route
METHODS = ("GET", "HEAD", "POST")
OTHER = "other"  # label value for any other method
CLIENT_DISCONNECTED = 0  # status of a request whose client closed the connection before the answer
STATUSES = (CLIENT_DISCONNECTED, *map(int, HTTPStatus))
# Every POST route exports the series of these statuses from the start. `rate` needs a series before its first
# event.
PREDECLARED_STATUSES = (200, 500)

# A prediction takes a fraction of a millisecond, and a large picture takes half a second.
DURATION_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# The largest of ten probabilities is at least 0.1 and mostly close to 1.
CONFIDENCE_BOUNDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)
BATCH_SIZE_BOUNDS = tuple(float(2**power) for power in range(11))  # up to the default largest batch

# Reasons for which a picture is rejected.
REJECTION_REASONS = ("blank", "busy", "malformed", "slow", "too_large", "undecodable", "unsupported_type")


class RequestCount(NamedTuple):
    """Number of requests with the same route, method and status."""

    route: str
    method: str
    status: int
    requests: int


class RequestCounters:
    """Counts requests by route, method and status, and measures their duration by route.

    Args:
        registry: The registry that allocates the counters.
    """

    def __init__(self, registry: CounterRegistry) -> None:
        self.routes: dict[str, int] = {}
        self._post_routes: list[str] = []
        self._registry = registry
        self._shape = (MAX_ROUTES, len(METHODS) + 1, len(STATUSES))
        self._in_flight = registry.allocate(1, "in flight", is_gauge=True)
        self._counts = registry.allocate(int(np.prod(self._shape)), "requests", METHODS, STATUSES)
        self._durations = HistogramGroup(registry, "seconds", DURATION_BOUNDS, MAX_ROUTES)
        self._counter_indices: dict[tuple[str, str, int], int] = {}

    def register_routes(self, methods_by_route: Mapping[str, set[str]]) -> None:
        """Register the routes of the application, before the registry is attached.

        Requests to any other address count as unmatched.

        Args:
            methods_by_route: The methods of each route template.
        Raises:
            ValueError: There are more routes than counters for them.
        """
        routes = (UNMATCHED, *sorted(methods_by_route))  # in the same order in every process
        if len(routes) > MAX_ROUTES:
            raise ValueError(f"There are {len(routes)} routes, and counters for {MAX_ROUTES}.")
        self.routes = {template: index for index, template in enumerate(routes)}
        self._post_routes = [route for route, methods in methods_by_route.items() if "POST" in methods]
        self._registry.allocate(0, routes)  # makes the routes a part of the schema hash

    def start_request(self) -> None:
        """Count an arriving request as in flight."""
        self._in_flight.own_counters[0] += 1

    def finish_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered, or whose client has disconnected.

        Args:
            route: Template of its route.
            method: Its method, as it was sent.
            status: Status of the answer, or `CLIENT_DISCONNECTED`.
            seconds: Its duration.
        """
        self._in_flight.own_counters[0] -= 1
        labels = route, method if method in METHODS else OTHER, status
        index = self._counter_indices.get(labels)
        if index is None:
            index = int(np.ravel_multi_index(self._label_indices(*labels), self._shape))
            self._counter_indices[labels] = index
        self._counts.own_counters[index] += 1
        self._durations.observe(seconds, self.routes.get(route, 0))

    def in_flight(self) -> int:
        """Count the requests that live processes are answering now.

        Returns:
            The number of requests.
        """
        return int(self._in_flight.read_slots(live_only=True).sum())

    def totals(self) -> list[RequestCount]:
        """Add up the finished requests of all processes.

        Returns:
            One entry for each combination of labels that was counted or is predeclared.
        """
        counts, routes = self._counts.sum().reshape(self._shape), list(self.routes)
        predeclared = [
            self._label_indices(route, "POST", status) for route in self._post_routes for status in PREDECLARED_STATUSES
        ]
        labels = {*map(tuple, np.argwhere(counts).tolist()), *predeclared}
        return [
            RequestCount(routes[route], (*METHODS, OTHER)[method], STATUSES[status], int(counts[route, method, status]))
            for route, method, status in sorted(labels)
        ]

    def durations(self) -> dict[str, Distribution]:
        """Add up the durations of the finished requests, in seconds.

        Returns:
            The distribution of each route that was requested or has the method POST.
        """
        totals = zip(self.routes, self._durations.totals(), strict=False)
        return {route: seconds for route, seconds in totals if seconds.total or route in self._post_routes}

    def _label_indices(self, route: str, method: str, status: int) -> tuple[int, int, int]:
        return self.routes.get(route, 0), (*METHODS, OTHER).index(method), STATUSES.index(status)


class PredictionCounters:
    """Counts predicted digits, their probabilities, and the batch sizes of requests.

    Args:
        registry: The registry that allocates the counters.
    """

    def __init__(self, registry: CounterRegistry) -> None:
        self._digits = registry.allocate(DIGITS, "digits")
        self._confidences = HistogramGroup(registry, "confidences", CONFIDENCE_BOUNDS)
        self._batch_sizes = HistogramGroup(registry, "batch rows", BATCH_SIZE_BOUNDS)

    def count(self, predictions: Predictions) -> None:
        """Count the predictions of one request.

        Args:
            predictions: The predictions.
        """
        batch_size, digits = len(predictions.digits), self._digits.own_counters
        self._batch_sizes.observe(batch_size)
        if batch_size == 1:  # the common case; array operations would take longer than all the rest
            digit = int(predictions.digits[0])
            digits[digit] += 1
            self._confidences.observe(float(predictions.probabilities[0, digit]))
            return
        for digit, count in enumerate(np.bincount(predictions.digits).tolist()):
            digits[digit] += count
        self._confidences.observe_all(predictions.probabilities.max(axis=1))

    def digits(self) -> list[int]:
        """Add up the predictions by digit.

        Returns:
            Number of predictions of each digit from 0.
        """
        return [int(count) for count in self._digits.sum()]

    def confidences(self) -> Distribution:
        """Add up the probabilities of the predicted digits.

        Returns:
            The distribution of the probabilities.
        """
        return self._confidences.totals()[0]

    def batch_sizes(self) -> Distribution:
        """Add up the batch sizes.

        Returns:
            The distribution of the number of images in a request.
        """
        return self._batch_sizes.totals()[0]


class RejectedPictureCounters:
    """Counts the rejected pictures by reason, for the series `pictures_refused_total`.

    Args:
        registry: The registry that allocates the counters.
    """

    def __init__(self, registry: CounterRegistry) -> None:
        # "refusals" is in the schema hash. Another word would separate the counters of old and new workers.
        self._counts = registry.allocate(len(REJECTION_REASONS), "refusals", REJECTION_REASONS)

    def count(self, reason: str) -> None:
        """Count one rejected picture.

        Args:
            reason: One of `REJECTION_REASONS`.
        """
        self._counts.own_counters[REJECTION_REASONS.index(reason)] += 1

    def totals(self) -> dict[str, int]:
        """Add up the rejected pictures of all processes.

        Returns:
            Number of pictures by reason.
        """
        return {r: int(count) for r, count in zip(REJECTION_REASONS, self._counts.sum(), strict=True)}


class Instruments(NamedTuple):
    """All instruments of the service."""

    requests: RequestCounters
    predictions: PredictionCounters
    rejected_pictures: RejectedPictureCounters


def create_instruments(registry: CounterRegistry) -> Instruments:
    """Create all instruments.

    Args:
        registry: The registry that allocates their counters.
    Returns:
        The instruments.
    """
    return Instruments(RequestCounters(registry), PredictionCounters(registry), RejectedPictureCounters(registry))
