"""The limit with the work: no framework, but it decodes, validates, reads and encodes as our service does."""

from pydantic import TypeAdapter

from app.reader import Reader
from app.schemas import Prediction, PredictRequest, to_pixels, to_predictions
from app.settings import RELEASED_WEIGHTS
from benchmarks.serving.apps import echo
from model import load_artefact

READER = Reader(load_artefact(RELEASED_WEIGHTS).network)
REQUEST, REPLY = TypeAdapter(PredictRequest), TypeAdapter(Prediction)


async def app(scope, receive, send):
    """Read one image."""

    async def send_prediction(message):
        if message["type"] == "http.response.start":
            return
        image = REQUEST.validate_json(message["body"])
        (prediction,) = to_predictions(READER.read(to_pixels([image.pixels], lambda _: ("pixels",))))
        body = REPLY.dump_json(prediction)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    await echo.app(scope, receive, send_prediction)
