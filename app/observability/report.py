"""The report of `/metrics` as JSON; the Prometheus formats are written from the same report."""

import time
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from app.observability.histogram import Distribution
from app.observability.instruments import Instruments
from app.observability.shared_counters import SharedCounters
from model import LAYER_SIZES, Artefact, Confusion


class DigitFigures(TypedDict):
    """Recall and precision of one digit; null where the denominator is zero."""

    digit: int
    recall: Annotated[float | None, Field(description="Share of the images of this digit that are predicted as it.")]
    precision: Annotated[float | None, Field(description="Share of the images predicted as this digit that show it.")]


class HeldOutReply(TypedDict):
    """Details of the evaluation on the held-out rows."""

    rows: Annotated[int, Field(description="Number of held-out images.")]
    confusion: Annotated[list[list[int]], Field(description="Counts by true digit (row) and predicted digit.")]
    per_digit: list[DigitFigures]


class ModelInfoReply(TypedDict):
    """The network that this service uses."""

    name: str
    version: str
    sha256: Annotated[str, Field(description="SHA-256 of the file of weights.")]
    layers: list[int]
    recipe: str
    seed: int


class BucketReply(TypedDict):
    """A bucket of a histogram."""

    le: Annotated[float, Field(description="Inclusive upper bound of the bucket.")]
    count: Annotated[int, Field(description="Number of values in this bucket and all buckets below it.")]


class HistogramReply(TypedDict):
    """A histogram; values above the last bound are in `count` and `sum`, but in no bucket."""

    count: int
    sum: float
    buckets: list[BucketReply]


class RouteRequestsReply(TypedDict):
    """Number of requests with the same route, method and status."""

    route: Annotated[str, Field(description="Template of the route; `unmatched` if no route matched.")]
    method: Annotated[str, Field(description="GET, HEAD, POST or other.")]
    status: Annotated[int, Field(description="0 if the client disconnected before the answer.")]
    count: int


class RouteSecondsReply(TypedDict):
    """Durations of the requests to one route."""

    route: str
    seconds: HistogramReply


class ServiceReply(TypedDict):
    """Figures of all workers since the service started, including workers that have ended."""

    version: str
    uptime_seconds: float
    start_time_seconds: Annotated[float, Field(description="Time of the start, in seconds since 1970.")]
    workers: Annotated[int, Field(description="Number of live worker processes.")]
    worker_starts: Annotated[int, Field(description="Number of worker processes started so far.")]
    requests: Annotated[int, Field(description="Number of finished requests of any kind.")]
    requests_in_flight: Annotated[int, Field(description="Unfinished requests, including this one.")]
    requests_by_answer: list[RouteRequestsReply]
    durations: list[RouteSecondsReply]
    predictions: Annotated[list[int], Field(description="Number of predictions of each digit from 0.")]
    confidence: Annotated[HistogramReply, Field(description="Probabilities of the predicted digits.")]
    batch_rows: Annotated[HistogramReply, Field(description="Number of images in each request.")]
    pictures_refused: Annotated[dict[str, int], Field(description="Number of rejected pictures by reason.")]


class MetricsReply(TypedDict):
    """The accuracy of the network, and the figures of the service."""

    accuracy: Annotated[float, Field(description="Share of the held-out rows classified correctly, 0 to 1.")]
    log_loss: Annotated[float, Field(description="Mean of -log p(true digit) on the held-out rows, in nats.")]
    calibration_error: Annotated[float, Field(description="Expected calibration error on the held-out rows, 15 bins.")]
    held_out: HeldOutReply
    model: ModelInfoReply
    service: ServiceReply


def build_report(
    artefact: Artefact, shared_counters: SharedCounters, instruments: Instruments, version: str
) -> MetricsReply:
    """Build the report of `/metrics`.

    Args:
        artefact: The weights and their card, which holds the held-out figures.
        shared_counters: Counters of all workers.
        instruments: Instruments of the service.
        version: Version of the service.
    Returns:
        The report.
    """
    card, held_out = artefact.card, artefact.card.held_out
    return MetricsReply(
        accuracy=held_out.accuracy,
        log_loss=held_out.log_loss,
        calibration_error=held_out.calibration_error,
        held_out=HeldOutReply(
            rows=held_out.rows,
            confusion=[list(row) for row in held_out.confusion],
            per_digit=per_digit(held_out.confusion),
        ),
        model=ModelInfoReply(
            name=card.name,
            version=card.version,
            sha256=artefact.sha256,
            layers=list(LAYER_SIZES),
            recipe=card.recipe,
            seed=card.seed,
        ),
        service=_service_figures(shared_counters, instruments, version),
    )


def _service_figures(shared_counters: SharedCounters, instruments: Instruments, version: str) -> ServiceReply:
    requests, predictions, rejected_pictures = instruments
    request_counts = [
        RouteRequestsReply(route=entry.route, method=entry.method, status=entry.status, count=entry.requests)
        for entry in requests.totals()
    ]
    start, monotonic_start = shared_counters.start_times
    return ServiceReply(
        version=version,
        uptime_seconds=time.monotonic() - monotonic_start,
        start_time_seconds=start,
        workers=shared_counters.count_live_processes(),
        worker_starts=shared_counters.count_process_starts(),
        requests=sum(entry["count"] for entry in request_counts),
        requests_in_flight=requests.in_flight(),
        requests_by_answer=request_counts,
        durations=[
            RouteSecondsReply(route=route, seconds=_histogram(seconds))
            for route, seconds in requests.durations().items()
        ],
        predictions=predictions.digits(),
        confidence=_histogram(predictions.confidences()),
        batch_rows=_histogram(predictions.batch_sizes()),
        pictures_refused=rejected_pictures.totals(),
    )


def _histogram(distribution: Distribution) -> HistogramReply:
    buckets = zip(distribution.bounds, distribution.cumulative, strict=False)
    return HistogramReply(
        count=distribution.total,
        sum=distribution.sum,
        buckets=[BucketReply(le=bound, count=count) for bound, count in buckets],
    )


def per_digit(confusion: Confusion) -> list[DigitFigures]:
    """Compute recall and precision from a confusion matrix.

    Args:
        confusion: 10×10 counts; the row is the true digit, the column is the predicted digit.
    Returns:
        The figures of each digit from 0.
    """
    columns = list(zip(*confusion, strict=True))
    return [
        DigitFigures(digit=digit, recall=share(confusion[digit], digit), precision=share(columns[digit], digit))
        for digit in range(len(confusion))
    ]


def share(counts: Sequence[int], index: int) -> float | None:
    """Divide one count by the sum of all counts.

    Args:
        counts: Counts, each at least 0.
        index: Index of the count to divide.
    Returns:
        The share in [0, 1], or None if the sum is zero.
    Example:
        >>> share([1, 3], 1)
        0.75
    """
    total = sum(counts)
    return counts[index] / total if total else None
