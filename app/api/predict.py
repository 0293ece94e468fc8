"""`POST /predict` and `POST /predict/batch`: from images to digits and probabilities."""

from collections.abc import Callable

from fastapi import APIRouter, Response
from fastapi.exceptions import RequestValidationError

from app.api.images import join_rows, locate_in_rows, select_errors_and_remove_format, to_pixels, to_prediction_replies
from app.api.schemas import BatchReply, BatchRequest, Prediction, PredictRequest
from app.http.json_endpoint import JsonEndpoint, JsonRoute, ReceivedRequest, require_json, typed_answer
from app.http.openapi import STATUSES_OF_BODIES, documented_errors
from app.http.problems import PROBLEM_FORMAT
from app.predictor import Predictor
from app.settings import Settings


def predict_routes(predictor: Predictor, settings: Settings, json_endpoint: Callable[..., JsonEndpoint]) -> APIRouter:
    """Build the routes that predict the digits of images.

    Both run on the event loop. A forward pass of one image takes tens of microseconds, less than the way to a thread
    and back. The limit of a batch bounds how long it blocks the loop, and large batches take turns. Single images that
    arrive together share a forward pass.

    Args:
        predictor: Runs the network.
        settings: Settings with the limits of a batch and of a body.
        json_endpoint: Creates a JSON endpoint from its answer and the check of its head.
    Returns:
        A router.
    """
    responses = documented_errors(PROBLEM_FORMAT, *STATUSES_OF_BODIES)
    router = APIRouter(route_class=JsonRoute, tags=["predict"], responses=responses)

    async def predict(image: PredictRequest) -> Prediction:
        """Predict the digit that one image shows."""
        pixels = to_pixels([image.pixels], lambda _: ("pixels",))
        (prediction,) = to_prediction_replies(await predictor.predict_batched(pixels))
        return prediction

    async def predict_batch(batch: BatchRequest) -> BatchReply:
        """Predict the digits that several images show; one invalid image rejects the whole batch."""
        if len(batch.images) > settings.max_batch_rows:
            limit = {"max_length": settings.max_batch_rows}
            error = {"type": "too_long", "loc": ("body", "images"), "ctx": limit}
            raise RequestValidationError([error])
        pixels = to_pixels(batch.images, lambda index: ("images", index))
        return BatchReply(predictions=to_prediction_replies(predictor.predict(pixels)))

    answer, answer_batch = (
        typed_answer(function, settings, select_errors_and_remove_format) for function in (predict, predict_batch)
    )

    async def join_rows_and_answer(request: ReceivedRequest) -> Response:
        joined = join_rows(request.content, settings.max_batch_rows)
        if joined is request.content:
            return await answer_batch(request)
        try:
            return await answer_batch(ReceivedRequest(request.scope, joined))
        except RequestValidationError as error:
            raise locate_in_rows(error) from error

    router.post("/predict")(json_endpoint(answer, check_head=require_json, documented=predict))
    batch_endpoint = json_endpoint(join_rows_and_answer, check_head=require_json, documented=predict_batch)
    router.post("/predict/batch")(batch_endpoint)
    return router
