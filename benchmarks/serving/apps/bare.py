"""Lower limit of a prediction's cost: this service's decoding, network and encoding without a framework."""

from pydantic import TypeAdapter

from app.api.images import to_pixels, to_prediction_replies
from app.api.schemas import Prediction, PredictRequest
from app.predictor import Predictor
from app.settings import RELEASED_WEIGHTS
from benchmarks.serving.apps.echo import receive_body, send_json
from model import load_artefact

PREDICTOR = Predictor(load_artefact(RELEASED_WEIGHTS).network)
REQUEST_TYPE, RESPONSE_TYPE = TypeAdapter(PredictRequest), TypeAdapter(Prediction)


async def app(scope, receive, send):
    """Predict one image, in one micro-batch with the other images that arrive at the same time."""
    if scope["type"] != "http":
        return
    image = REQUEST_TYPE.validate_json(await receive_body(receive))
    predictions = await PREDICTOR.predict_batched(to_pixels([image.pixels], lambda _: ("pixels",)))
    (prediction,) = to_prediction_replies(predictions)
    await send_json(send, RESPONSE_TYPE.dump_json(prediction))
