"""`POST /predict` and `POST /predict/batch`: from images to digits and probabilities."""

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError

from app.api.images import select_errors_and_remove_format, to_pixels, to_prediction_replies
from app.api.schemas import BatchReply, BatchRequest, Prediction, PredictRequest
from app.http.json_endpoint import json_route
from app.http.problems import documented_problems
from app.predictor import Predictor
from app.settings import Settings


def predict_routes(predictor: Predictor, settings: Settings) -> APIRouter:
    """Build the routes that predict the digits of images.

    Both run on the event loop. A forward pass of one image takes tens of microseconds, less than the way to a thread
    and back. The limit of a batch bounds how long it blocks the loop. Single images that arrive together share a
    forward pass.

    Args:
        predictor: Runs the network.
        settings: Settings with the limits of a batch and of a body.
    Returns:
        A router.
    """
    router = APIRouter(
        route_class=json_route(settings.max_json_values, select_errors_and_remove_format),
        tags=["predict"],
        max_body_size=settings.max_body_bytes,
        responses=documented_problems(413, 415, 422, 500),
    )

    @router.post("/predict")
    async def predict(image: PredictRequest) -> Prediction:
        """Predict the digit that one image shows."""
        pixels = to_pixels([image.pixels], lambda _: ("pixels",))
        (prediction,) = to_prediction_replies(await predictor.predict_batched(pixels))
        return prediction

    @router.post("/predict/batch")
    async def predict_batch(batch: BatchRequest) -> BatchReply:
        """Predict the digits that several images show; one invalid image rejects the whole batch."""
        if len(batch.images) > settings.max_batch_rows:
            limit = {"max_length": settings.max_batch_rows}
            error = {"type": "too_long", "loc": ("body", "images"), "ctx": limit}
            raise RequestValidationError([error])
        pixels = to_pixels(batch.images, lambda index: ("images", index))
        return BatchReply(predictions=to_prediction_replies(predictor.predict(pixels)))

    return router
