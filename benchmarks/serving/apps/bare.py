"""The limit with the work: no framework, but it decodes, validates, reads and encodes as our service does."""

from pydantic import TypeAdapter

from app.reader import Reader
from app.schemas import Prediction, PredictRequest, to_pixels, to_predictions
from app.settings import RELEASED_WEIGHTS
from benchmarks.serving.apps.echo import receive_body, send_json
from model import load_artefact

READER = Reader(load_artefact(RELEASED_WEIGHTS).network)
REQUEST, REPLY = TypeAdapter(PredictRequest), TypeAdapter(Prediction)


async def app(scope, receive, send):
    """Read one image, with those that are there at the same time."""
    if scope["type"] != "http":
        return
    image = REQUEST.validate_json(await receive_body(receive))
    readings = await READER.read_together(to_pixels([image.pixels], lambda _: ("pixels",)))
    (prediction,) = to_predictions(readings)
    await send_json(send, REPLY.dump_json(prediction))
