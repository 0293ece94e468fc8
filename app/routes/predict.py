"""`POST /predict` and `POST /predict/batch`: images in, digits and probabilities out."""

from collections.abc import Sequence

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError

from app.json_route import JsonRoute
from app.problems import documented
from app.schemas import BatchReply, BatchRequest, Image, Prediction, PredictRequest, to_pixels
from app.telemetry import Counts
from model import Network


def predict_routes(network: Network, counts: Counts, max_batch_rows: int, max_body_bytes: int) -> APIRouter:
    """Build the routes that read images.

    Both answer on the event loop: a forward pass costs tens of microseconds, less than the way to
    a thread and back.

    Args:
        network: What reads the images.
        counts: Where predictions are counted.
        max_batch_rows: Most images in a batch.
        max_body_bytes: Largest body.
    Returns:
        A router.
    """
    router = APIRouter(
        route_class=JsonRoute,
        tags=["predict"],
        max_body_size=max_body_bytes,
        responses=documented(413, 415, 422, 500),
    )

    def read(images: Sequence[Image], *names: tuple[str | int, ...]) -> list[Prediction]:
        probabilities = network.probabilities(to_pixels(images, *names))  # (B, 10)
        digits = probabilities.argmax(axis=1).tolist()
        for digit in digits:
            counts.predictions[digit] += 1
        return [
            Prediction(digit=digit, probabilities=row)
            for digit, row in zip(digits, probabilities.tolist(), strict=True)
        ]

    @router.post("/predict")
    async def predict(image: PredictRequest) -> Prediction:
        """Read the digit that one image shows."""
        return read([image.pixels], ("pixels",))[0]

    @router.post("/predict/batch")
    async def predict_batch(batch: BatchRequest) -> BatchReply:
        """Read the digits that several images show; one bad image refuses them all."""
        if len(batch.images) > max_batch_rows:
            fault = {"type": "too_long", "loc": ("body", "images"), "ctx": {"max_length": max_batch_rows}}
            raise RequestValidationError([fault])
        names = [("images", index) for index in range(len(batch.images))]
        return BatchReply(predictions=read(batch.images, *names))

    return router
