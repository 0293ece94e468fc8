"""The inference request: from the bytes of a body to the bytes of a reply."""

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from app.http.headers import JSON, combined_header
from app.http.json_endpoint import parse_json
from app.oip.codec.body import JSON_LENGTH_HEADER, split_body
from app.oip.codec.content_coding import compress, decompress, negotiate_coding
from app.oip.codec.messages import InferReply, InferRequest, remove_format_names
from app.oip.codec.statistics import OipStatistics
from app.oip.codec.tensors import raw_binary_request, reject_shared_memory, to_outputs, to_pixels
from app.oip.error_format import documented_errors
from app.oip.openapi import INFER_BODY, INFER_REPLY
from app.predictor import Predictions, Predictor
from app.settings import Settings
from model import Card

_REQUEST = TypeAdapter(InferRequest)
_REPLY = TypeAdapter(InferReply)


def add_inference(
    router: APIRouter, card: Card, predictor: Predictor, settings: Settings, statistics: OipStatistics
) -> None:
    """Add the route of inference requests, which runs on the event loop as `/predict` does.

    Args:
        router: Router of the model or of one version of it.
        card: Card of the model.
        predictor: Runs the network.
        settings: Settings with the limits of a batch and of a body.
        statistics: Counters of the inferences.
    """

    @router.post(
        "/infer",
        responses={**documented_errors(400, 413, 501), 200: INFER_REPLY},
        openapi_extra={"requestBody": INFER_BODY},
    )
    async def infer(request: Request) -> Response:
        """Predict the digits of the images in the input tensor, whose data is in the JSON or follows it as bytes."""
        headers, body = request.headers, await request.body()
        with statistics.inference() as stopwatch:
            coding = combined_header(headers, "Content-Encoding") or ""
            body = decompress(body, coding, settings.max_body_bytes)
            json_part, binary_data = split_body(body, combined_header(headers, JSON_LENGTH_HEADER))
            if json_part is None:
                message = raw_binary_request(binary_data)
            else:
                message = parse_json(_REQUEST, json_part, settings.max_json_values, remove_format_names)
            reject_shared_memory(message)
            pixels = to_pixels(message, binary_data, settings.max_batch_rows)
            stopwatch.end_phase(batch_size=len(pixels))
            predictions = predictor.predict(pixels)
            stopwatch.end_phase()
            accept_encoding = combined_header(headers, "Accept-Encoding") or ""
            response = _write_reply(card, message, predictions, accept_encoding)
            stopwatch.end_phase()
        return response


def _write_reply(card: Card, message: InferRequest, predictions: Predictions, accept_encoding: str) -> Response:
    """Write the reply: the JSON, followed by the binary outputs."""
    outputs, binary_data = to_outputs(predictions, message)
    reply = InferReply(model_name=card.name, model_version=card.version, outputs=outputs)
    if message.id is not None:
        reply["id"] = message.id
    body, headers, media_type = _REPLY.dump_json(reply), {"Vary": "Accept-Encoding"}, JSON
    if binary_data:
        headers[JSON_LENGTH_HEADER] = str(len(body))
        body, media_type = body + binary_data, "application/octet-stream"
    if coding := negotiate_coding(accept_encoding):
        headers["Content-Encoding"] = coding
        body = compress(body, coding)
    return Response(body, headers=headers, media_type=media_type)
