"""The report of `/metrics` as JSON: all figures of the network, and the most important figures of the service."""

import time
from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

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
    layers: Annotated[list[int], Field(description="Sizes of the layers, from the input to the output.")]
    recipe: Annotated[str, Field(description="Name of the recipe of the training.")]
    seed: Annotated[int, Field(description="Seed of the training.")]


class RouteRequestsReply(TypedDict):
    """Number of requests with the same route, method and status."""

    route: Annotated[str, Field(description="Template of the route; `unmatched` if no route matched.")]
    method: Annotated[str, Field(description="GET, HEAD, POST or other.")]
    status: Annotated[int, Field(description="0 if the client disconnected before its request was complete.")]
    count: int


class ServiceReply(TypedDict):
    """Figures of all workers since the service started, including workers that have ended."""

    version: str
    uptime_seconds: Annotated[float, Field(description="Seconds since the service started.")]
    workers: Annotated[int, Field(description="Number of live worker processes.")]
    worker_starts: Annotated[int, Field(description="Number of worker processes started so far.")]
    requests: Annotated[int, Field(description="Number of finished requests of any kind.")]
    requests_in_flight: Annotated[int, Field(description="Unfinished requests, including this one.")]
    requests_by_answer: list[RouteRequestsReply]
    predictions: Annotated[list[int], Field(description="Number of predictions of each digit from 0.")]


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
    figures = zip(recalls(held_out.confusion), precisions(held_out.confusion), strict=True)
    per_digit = [DigitFigures(digit=digit, recall=r, precision=p) for digit, (r, p) in enumerate(figures)]
    confusion = [list(row) for row in held_out.confusion]
    return MetricsReply(
        accuracy=held_out.accuracy,
        log_loss=held_out.log_loss,
        calibration_error=held_out.calibration_error,
        held_out=HeldOutReply(rows=held_out.rows, confusion=confusion, per_digit=per_digit),
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
    counts = [
        RouteRequestsReply(route=route, method=method, status=int(status), count=count)
        for (route, method, status), count in instruments.requests.requests.totals()
    ]
    return ServiceReply(
        version=version,
        uptime_seconds=time.monotonic() - shared_counters.start_times[1],
        workers=shared_counters.count_live_processes(),
        worker_starts=shared_counters.count_process_starts(),
        requests=sum(entry["count"] for entry in counts),
        requests_in_flight=instruments.requests.in_flight.total(),
        requests_by_answer=counts,
        predictions=[count for _, count in instruments.predictions.digits.totals()],
    )


def recalls(confusion: Iterable[Sequence[int]]) -> list[float | None]:
    """Compute the recall of each digit.

    Args:
        confusion: 10×10 counts; the row is the true digit, the column is the predicted digit.
    Returns:
        For each digit, the share of its images that are predicted as it, in [0, 1], or None if it has no images.
    Example:
        >>> recalls([[1, 3], [0, 0]])
        [0.25, None]
    """
    return [row[digit] / sum(row) if any(row) else None for digit, row in enumerate(confusion)]


def precisions(confusion: Confusion) -> list[float | None]:
    """Compute the precision of each digit.

    Args:
        confusion: 10×10 counts; the row is the true digit, the column is the predicted digit.
    Returns:
        For each digit, the share of the images predicted as it that show it, in [0, 1], or None if there are none.
    """
    return recalls(zip(*confusion, strict=True))  # the rows and columns change places
