"""What `/metrics` says, as JSON; the Prometheus form is made of the same values."""

import time
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from app.metrics.board import Board
from app.metrics.histogram import Distribution
from app.metrics.instruments import Instruments
from model import LAYER_SIZES, Artefact, Card, Confusion


class DigitFigures(TypedDict):
    """How well one digit is read; null where a figure would divide by zero."""

    digit: int
    recall: Annotated[float | None, Field(description="Share of this digit's images that are read as it.")]
    precision: Annotated[float | None, Field(description="Share of what is read as it that shows it.")]


class HeldOutReply(TypedDict):
    """What the held-out rows say in detail."""

    rows: Annotated[int, Field(description="Held-out images.")]
    confusion: Annotated[
        list[list[int]], Field(description="Counts; the row is the true digit, the column the one read.")
    ]
    per_digit: list[DigitFigures]


class ModelReply(TypedDict):
    """Which network answers."""

    name: str
    version: str
    sha256: Annotated[str, Field(description="Of the file of weights.")]
    layers: list[int]
    recipe: str
    seed: int


class BucketReply(TypedDict):
    """A bucket of a histogram."""

    le: Annotated[float, Field(description="Upper bound; what equals it is in the bucket.")]
    count: Annotated[int, Field(description="What is in this bucket or one below it.")]


class HistogramReply(TypedDict):
    """How values are distributed; those beyond the last bucket are in `count` alone."""

    count: int
    sum: float
    buckets: list[BucketReply]


class RouteRequestsReply(TypedDict):
    """Requests that got one kind of answer."""

    route: Annotated[str, Field(description="Its template; `unmatched` for what no route took.")]
    method: Annotated[str, Field(description="GET, HEAD, POST or other.")]
    status: Annotated[int, Field(description="0 if the client left before it was answered.")]
    count: int


class RouteSecondsReply(TypedDict):
    """How long the requests to one route took."""

    route: str
    seconds: HistogramReply


class ServiceReply(TypedDict):
    """What all workers of the service have done since it started, those included that ended."""

    version: str
    uptime_seconds: float
    start_time_seconds: Annotated[float, Field(description="When it started, seconds since 1970.")]
    workers: Annotated[int, Field(description="Processes that answer now.")]
    worker_starts: Annotated[int, Field(description="Processes that were ever started for it.")]
    requests: Annotated[int, Field(description="Requests that ended, of any kind.")]
    requests_in_flight: Annotated[int, Field(description="Requests being answered, this one included.")]
    requests_by_answer: list[RouteRequestsReply]
    durations: list[RouteSecondsReply]
    predictions: Annotated[list[int], Field(description="Predictions made, by digit from 0.")]
    confidence: Annotated[
        HistogramReply, Field(description="Of each prediction: the probability of its digit, 0 to 1.")
    ]
    batch_rows: Annotated[HistogramReply, Field(description="Of each request with images: their number.")]
    pictures_refused: Annotated[dict[str, int], Field(description="By reason.")]


class MetricsReply(TypedDict):
    """How well the network reads, and what the service has done."""

    accuracy: Annotated[float, Field(description="Share of the held-out rows read correctly, 0 to 1.")]
    log_loss: Annotated[float, Field(description="Mean of -log p(true digit) on them, in nats.")]
    calibration_error: Annotated[float, Field(description="Expected calibration error on them, 15 bins.")]
    held_out: HeldOutReply
    model: ModelReply
    service: ServiceReply


def report(artefact: Artefact, board: Board, instruments: Instruments, version: str) -> MetricsReply:
    """Report on the network and on the service.

    Args:
        artefact: The weights; their figures come from the card.
        board: Where the workers of the service count.
        instruments: What they count with.
        version: Of the service.
    Returns:
        The report.
    """
    held_out = artefact.card.held_out
    return MetricsReply(
        accuracy=held_out.accuracy,
        log_loss=held_out.log_loss,
        calibration_error=held_out.calibration_error,
        held_out=HeldOutReply(
            rows=held_out.rows,
            confusion=[list(row) for row in held_out.confusion],
            per_digit=per_digit(held_out.confusion),
        ),
        model=_model(artefact.card, artefact.sha256),
        service=_service(board, instruments, version),
    )


def _model(card: Card, sha256: str) -> ModelReply:
    return ModelReply(
        name=card.name,
        version=card.version,
        sha256=sha256,
        layers=list(LAYER_SIZES),
        recipe=card.recipe,
        seed=card.seed,
    )


def _service(board: Board, instruments: Instruments, version: str) -> ServiceReply:
    requests, predictions, refusals = instruments
    answers = [
        RouteRequestsReply(route=kind.route, method=kind.method, status=kind.status, count=kind.requests)
        for kind in requests.totals()
    ]
    start, monotonic_start = board.started
    return ServiceReply(
        version=version,
        uptime_seconds=time.monotonic() - monotonic_start,
        start_time_seconds=start,
        workers=board.living(),
        worker_starts=board.starts(),
        requests=sum(answer["count"] for answer in answers),
        requests_in_flight=requests.in_flight(),
        requests_by_answer=answers,
        durations=[
            RouteSecondsReply(route=route, seconds=_histogram(seconds))
            for route, seconds in requests.durations().items()
        ],
        predictions=predictions.digits(),
        confidence=_histogram(predictions.confidences()),
        batch_rows=_histogram(predictions.batch_rows()),
        pictures_refused=refusals.totals(),
    )


def _histogram(distribution: Distribution) -> HistogramReply:
    buckets = zip(distribution.bounds, distribution.cumulative, strict=False)
    return HistogramReply(
        count=distribution.total,
        sum=distribution.sum,
        buckets=[BucketReply(le=bound, count=count) for bound, count in buckets],
    )


def per_digit(confusion: Confusion) -> list[DigitFigures]:
    """Derive recall and precision from a table of counts.

    Args:
        confusion: 10×10 counts; the row is the true digit, the column the one read.
    Returns:
        One entry a digit.
    """
    columns = list(zip(*confusion, strict=True))
    return [
        DigitFigures(
            digit=digit,
            recall=share(confusion[digit], digit),
            precision=share(columns[digit], digit),
        )
        for digit in range(len(confusion))
    ]


def share(counts: Sequence[int], index: int) -> float | None:
    """Divide one count by the sum of all.

    Args:
        counts: Counts, each at least 0.
        index: Which one.
    Returns:
        A share in [0, 1], or None if there is nothing to divide by.
    Example:
        >>> share([1, 3], 1)
        0.75
    """
    total = sum(counts)
    return counts[index] / total if total else None
