"""`POST /predict` and `POST /predict/batch`: images in, digits and probabilities out."""

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError

from app.json_route import json_route
from app.problems import documented
from app.reader import Reader
from app.schemas import BatchReply, BatchRequest, Prediction, PredictRequest, to_pixels, to_predictions
from app.settings import Settings


def predict_routes(reader: Reader, settings: Settings) -> APIRouter:
    """Build the routes that read images.

    Both answer on the event loop: a forward pass costs tens of microseconds, less than the way to
    a thread and back. Single images that arrive together are read together.

    Args:
        reader: What reads the images.
        settings: The bounds of a batch and of a body.
    Returns:
        A router.
    """
    router = APIRouter(
        route_class=json_route(settings.max_json_values),
        tags=["predict"],
        max_body_size=settings.max_body_bytes,
        responses=documented(413, 415, 422, 500),
    )

    @router.post("/predict")
    async def predict(image: PredictRequest) -> Prediction:
        """Read the digit that one image shows."""
        (prediction,) = to_predictions(
            await reader.read_together(to_pixels([image.pixels], lambda _: ("pixels",)))
        )
        return prediction

    @router.post("/predict/batch")
    async def predict_batch(batch: BatchRequest) -> BatchReply:
        """Read the digits that several images show; one bad image refuses them all."""
        if len(batch.images) > settings.max_batch_rows:
            bound = {"max_length": settings.max_batch_rows}
            fault = {"type": "too_long", "loc": ("body", "images"), "ctx": bound}
            raise RequestValidationError([fault])
        pixels = to_pixels(batch.images, lambda row: ("images", row))
        return BatchReply(predictions=to_predictions(reader.read(pixels)))

    return router
