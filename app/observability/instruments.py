"""The instruments of the service: they count requests, predictions and rejected pictures.

An event costs a few additions to shared counters.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import NamedTuple

import numpy as np
from prometheus_client.metrics_core import Metric

from app.observability.counter_registry import CounterRegistry
from app.observability.metric_families import CounterFamily, Gauge, HistogramFamily, Series
from app.predictor import Predictions
from model import DIGITS

INSTRUMENT_COUNTERS = 16_384  # counters of a slot for the instruments below, which need half of them

UNMATCHED = "unmatched"  # label value for requests that match no route
METHODS = ("GET", "HEAD", "POST")
OTHER = "other"  # label value for any other method
CLIENT_DISCONNECTED = 0  # status of a request whose client closed the connection before its end
STATUSES = tuple(map(str, (CLIENT_DISCONNECTED, *map(int, HTTPStatus))))
PREDECLARED_STATUSES = ("200", "500")  # every POST route exports the series of these statuses from the start

# A prediction takes a fraction of a millisecond, and a large picture takes half a second.
DURATION_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# The largest of ten probabilities is at least 0.1 and mostly close to 1.
CONFIDENCE_BOUNDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)
BATCH_SIZE_BOUNDS = tuple(float(2**power) for power in range(11))  # up to the default largest batch

REJECTION_REASONS = (
    "blank",
    "busy",
    "malformed",
    "several_digits",
    "slow",
    "too_large",
    "undecodable",
    "unsupported_type",
)


class RequestCounters:
    """Counts requests by route, method and status, and measures their duration by route.

    Args:
        registry: The registry that allocates the counters.
        methods_by_route: The methods of each route template. Requests to any other address count as unmatched.
    """

    def __init__(self, registry: CounterRegistry, methods_by_route: Mapping[str, set[str]]) -> None:
        routes = (UNMATCHED, *sorted(methods_by_route))  # in the same order in every process
        post_routes = [route for route, methods in methods_by_route.items() if "POST" in methods]
        self.routes = {template: index for index, template in enumerate(routes)}
        self.requests = CounterFamily(
            registry,
            "http_requests_total",
            "Finished requests; status 0 means that the client disconnected before its request was complete.",
            Series(
                {"route": routes, "method": (*METHODS, OTHER), "status": STATUSES},
                [(route, "POST", status) for route in post_routes for status in PREDECLARED_STATUSES],
            ),
        )
        self.in_flight = Gauge(registry, "http_requests_in_flight", "Unfinished requests, including this scrape.")
        self.durations = HistogramFamily(
            registry,
            "http_request_duration_seconds",
            "Time from the head of a request to the last bytes of its answer.",
            DURATION_BOUNDS,
            Series({"route": routes}, [(route,) for route in post_routes]),
        )
        self._indices: dict[tuple[str, str, int], int] = {}

    def start_request(self) -> None:
        """Count an arriving request as in flight."""
        self.in_flight.own_counters[0] += 1

    def finish_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered, or whose client has disconnected.

        Args:
            route: Template of its route.
            method: Its method, as it was sent.
            status: Status of the answer, or `CLIENT_DISCONNECTED`.
            seconds: Its duration.
        """
        self.in_flight.own_counters[0] -= 1
        labels = route if route in self.routes else UNMATCHED, method if method in METHODS else OTHER, status
        index = self._indices.get(labels)
        if index is None:  # the search for the label values would take longer than all the rest
            index = self._indices[labels] = self.requests.series.index(*labels[:2], str(status))
        self.requests.own_counters[index] += 1
        self.durations.observe(seconds, self.routes[labels[0]])


class PredictionCounters:
    """Counts predicted digits, their probabilities, and the batch sizes of requests.

    Args:
        registry: The registry that allocates the counters.
    """

    def __init__(self, registry: CounterRegistry) -> None:
        digits = Series({"digit": [str(digit) for digit in range(DIGITS)]})
        self.digits = CounterFamily(registry, "predictions_total", "Predictions, by predicted digit.", digits)
        self.confidences = HistogramFamily(
            registry, "prediction_confidence_ratio", "Probability of the predicted digit.", CONFIDENCE_BOUNDS
        )
        self.batch_sizes = HistogramFamily(
            registry, "prediction_batch_rows", "Number of images in a request.", BATCH_SIZE_BOUNDS
        )

    def count(self, predictions: Predictions) -> None:
        """Count the predictions of one request.

        Args:
            predictions: The predictions.
        """
        batch_size, digits = len(predictions.digits), self.digits.own_counters
        self.batch_sizes.observe(batch_size)
        if batch_size == 1:  # the common case; array operations would take longer than all the rest
            digit = int(predictions.digits[0])
            digits[digit] += 1
            self.confidences.observe(float(predictions.probabilities[0, digit]))
            return
        for digit, count in enumerate(np.bincount(predictions.digits).tolist()):
            digits[digit] += count
        self.confidences.observe_all(predictions.probabilities.max(axis=1))


def rejected_picture_counters(registry: CounterRegistry) -> CounterFamily:
    """Create the counters of the rejected pictures.

    Args:
        registry: The registry that allocates the counters.
    Returns:
        A family with a counter for each reason.
    """
    reasons = Series({"reason": REJECTION_REASONS})
    return CounterFamily(registry, "pictures_refused_total", "Rejected pictures.", reasons)


class Instruments(NamedTuple):
    """All instruments of the service."""

    requests: RequestCounters
    predictions: PredictionCounters
    rejected_pictures: CounterFamily

    def collect(self) -> Iterator[Metric]:
        """Yield all families in prometheus_client's form."""
        requests, predictions, rejected_pictures = self
        for family in (
            *(requests.requests, requests.in_flight, requests.durations),
            *(predictions.digits, predictions.confidences, predictions.batch_sizes, rejected_pictures),
        ):
            yield family.collect()
