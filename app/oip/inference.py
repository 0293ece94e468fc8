"""The inference request: from the bytes of a body to the bytes of a reply."""

from collections.abc import Callable

from fastapi import APIRouter, Response
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.types import Scope

from app.http.content_coding import compress
from app.http.headers import JSON_BYTES, combined_header, quality_values
from app.http.json_body import parse_json
from app.http.json_endpoint import JsonEndpoint, JsonRoute, ReceivedRequest, Reply
from app.http.openapi import STATUSES_OF_BODIES
from app.oip.codec.body import JSON_LENGTH_HEADER, split_body
from app.oip.codec.messages import InferReply, InferRequest
from app.oip.codec.statistics import OipStatistics
from app.oip.codec.tensors import raw_binary_request, reject_shared_memory, to_outputs, to_pixels
from app.oip.error_format import OIP_PREFIX
from app.oip.openapi import INFER_BODY, INFER_REPLY, TAG, infer_parameters, oip_errors
from app.predictor import Predictions, Predictor
from app.settings import Settings
from model import Card

JSON_LENGTH = JSON_LENGTH_HEADER.lower().encode()
REPLY_CODINGS = ("gzip", "deflate")  # if both have the same quality, the first is used

_REQUEST = TypeAdapter(InferRequest)
_REPLY = TypeAdapter(InferReply)


def inference_routes(
    card: Card,
    predictor: Predictor,
    settings: Settings,
    statistics: OipStatistics,
    json_endpoint: Callable[..., JsonEndpoint],
) -> APIRouter:
    """Build the routes of inference requests, which run on the event loop as `/predict` does.

    Args:
        card: Card of the model.
        predictor: Runs the network.
        settings: Settings with the limits of a batch and of a body.
        statistics: Counters of the inferences.
        json_endpoint: Creates a JSON endpoint from its answer and the check of its head.
    Returns:
        A router.
    """
    router = APIRouter(route_class=JsonRoute, prefix=f"{OIP_PREFIX}/models/{{name}}", tags=[TAG])

    def check_names(scope: Scope) -> None:
        require_model(card, **scope["path_params"])

    async def infer(request: ReceivedRequest) -> Response:
        """Predict the digits of the images in the input tensor, whose data is in the JSON or follows it as bytes."""
        scope, body = request.scope, request.content
        with statistics.inference() as stopwatch:
            json_part, binary_data = split_body(body, combined_header(scope, JSON_LENGTH))
            if json_part is None:
                message = raw_binary_request(binary_data)
            else:
                message = parse_json(_REQUEST, json_part, settings)
            reject_shared_memory(message)
            pixels = to_pixels(message, binary_data, settings.max_batch_rows)
            stopwatch.end_phase(batch_size=len(pixels))
            predictions = predictor.predict(pixels)
            stopwatch.end_phase()
            response = _write_reply(card, message, predictions, combined_header(scope, b"accept-encoding") or "")
            stopwatch.end_phase()
        return response

    endpoint = json_endpoint(infer, check_head=check_names)
    for path, parameters in (("/infer", ["name"]), ("/versions/{version}/infer", ["name", "version"])):
        router.add_api_route(
            path,
            endpoint,
            methods=["POST"],
            responses={**oip_errors(404, *STATUSES_OF_BODIES), 200: INFER_REPLY},
            openapi_extra={"parameters": infer_parameters(*parameters), "requestBody": INFER_BODY},
        )
    return router


def require_model(card: Card, name: str, version: str | None = None) -> None:
    """Reject a request for another model or for another version of it.

    Args:
        card: Card of the model.
        name: Requested name.
        version: Requested version, or None for any.
    Raises:
        HTTPException: 404.
    """
    if name != card.name:
        raise HTTPException(404, f"There is no such model; there is {card.name}.")
    if version not in {None, card.version}:
        raise HTTPException(404, f"There is no such version of {card.name}; there is {card.version}.")


def negotiate_coding(accept_encoding: str) -> str | None:
    """Choose the content coding of a reply.

    Args:
        accept_encoding: Value of the Accept-Encoding header, empty if there is none.
    Returns:
        The coding of `REPLY_CODINGS` with the highest quality. None, for a reply without coding, if the
        client prefers `identity`, or if the header accepts neither gzip nor deflate.
    Source: RFC 9110, section 12.5.3.
    Example:
        >>> negotiate_coding("br, deflate;q=0.5, gzip;q=0.8")
        'gzip'
        >>> negotiate_coding("gzip;q=0")
    """
    qualities = dict(quality_values(accept_encoding))
    other_quality = qualities.get("*", 0.0)
    best = max(REPLY_CODINGS, key=lambda coding: qualities.get(coding, other_quality))
    quality = qualities.get(best, other_quality)
    return best if quality > 0 and quality >= qualities.get("identity", 0) else None


def _write_reply(card: Card, message: InferRequest, predictions: Predictions, accept_encoding: str) -> Response:
    """Write the reply: the JSON, followed by the binary outputs."""
    outputs, binary_data = to_outputs(predictions, message)
    reply = InferReply(model_name=card.name, model_version=card.version, outputs=outputs)
    if message.id is not None:
        reply["id"] = message.id
    body, media_type, headers = _REPLY.dump_json(reply), JSON_BYTES, [(b"vary", b"Accept-Encoding")]
    if binary_data:
        headers.append((JSON_LENGTH, b"%d" % len(body)))
        body, media_type = body + binary_data, b"application/octet-stream"
    if coding := negotiate_coding(accept_encoding):
        headers.append((b"content-encoding", coding.encode()))
        body = compress(body, coding)
    return Reply(body, media_type, *headers)
