"""`GET /metrics`: how well the network reads, and what the service has done."""

import time
from collections.abc import Sequence

from fastapi import APIRouter

from app.counts import Counts
from app.schemas import DigitFigures, HeldOutReply, MetricsReply, ModelReply, ServiceReply
from model import LAYERS, Artefact, Confusion


def metrics_routes(artefact: Artefact, counts: Counts) -> APIRouter:
    """Build the route that reports figures.

    Args:
        artefact: Whose figures; they come from its card.
        counts: What the service has done.
    Returns:
        A router.
    """
    router = APIRouter(tags=["metrics"])
    card = artefact.card
    held_out = HeldOutReply(
        rows=card.held_out.rows,
        confusion=[list(row) for row in card.held_out.confusion],
        per_digit=per_digit(card.held_out.confusion),
    )
    model = ModelReply(
        name=card.name,
        version=card.version,
        sha256=artefact.sha256,
        layers=list(LAYERS),
        recipe=card.recipe,
        seed=card.seed,
    )

    @router.head("/metrics", include_in_schema=False)
    @router.get("/metrics")
    async def metrics() -> MetricsReply:
        """Report the held-out figures of the network, and what this process has done."""
        return MetricsReply(
            accuracy=card.held_out.accuracy,
            log_loss=card.held_out.log_loss,
            calibration_error=card.held_out.calibration_error,
            held_out=held_out,
            model=model,
            service=ServiceReply(
                requests=counts.requests,
                predictions=counts.predictions,
                uptime_seconds=time.monotonic() - counts.started,
            ),
        )

    return router


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
