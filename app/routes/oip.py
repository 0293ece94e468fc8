"""`/v2`: the Open Inference Protocol, as Triton's and KServe's clients speak it."""

from collections.abc import Callable, Sequence

from fastapi import APIRouter, Depends, Request, Response, params
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException

from app.json_route import parse
from app.oip import describe, messages
from app.oip.envelope import HEADER_LENGTH, coding_of_choice, compress, inflate, split
from app.oip.schema import INDEX_BODY, INFER_BODY, INFER_REPLY
from app.oip.statistics import Statistics, StatisticsReply
from app.oip.tensors import pack, raw_request, refuse_shared_memory, to_pixels
from app.problems import oip_documented
from app.reader import Reader, Readings
from app.settings import Settings
from model import Artefact, Card

_REQUEST = TypeAdapter(messages.InferRequest)
_REPLY = TypeAdapter(messages.InferReply)
_INDEX = TypeAdapter(messages.IndexRequest)


def oip_routes(
    artefact: Artefact,
    reader: Reader,
    settings: Settings,
    is_draining: Callable[[], bool],
    statistics: Statistics,
) -> APIRouter:
    """Build the routes of the protocol.

    Args:
        artefact: Whose card describes the model.
        reader: What reads the images.
        settings: The bounds of a batch and of a body.
        is_draining: Says whether the service is about to stop.
        statistics: Counts the inferences.
    Returns:
        A router.
    """
    card = artefact.card
    models = _model_routers(card, settings)
    for model in models:
        _ask_model(model, card, reader, settings, statistics)  # first found, because it is asked the most
        _describe_model(model, card, settings, statistics, is_draining)
    server, repository = _router("/v2", settings), _router("/v2/repository", settings)
    _describe_server(server, card, statistics, is_draining)
    _describe_repository(repository, card, settings, is_draining)
    router = APIRouter()
    for part in (server, *models, repository):
        router.routes += part.routes  # included, each would be searched on its own
    return router


def _router(
    prefix: str, settings: Settings, *statuses: int, depends: Sequence[params.Depends] = ()
) -> APIRouter:
    """Begin routes of the protocol."""
    return APIRouter(
        prefix=prefix,
        tags=["open inference protocol"],
        max_body_size=settings.max_body_bytes,
        dependencies=depends,
        responses=oip_documented(500, *statuses),
    )


def _model_routers(card: Card, settings: Settings) -> list[APIRouter]:
    """Begin the routes of the model, and of its version, behind checks of the names in their addresses.

    Two routers, instead of one that is included twice, so that each route knows its whole template.
    """

    async def named(name: str) -> None:
        _require_name(name, card)

    async def versioned(version: str) -> None:
        if version != card.version:
            raise HTTPException(404, f"There is no such version of {card.name}; there is {card.version}.")

    return [
        _router(prefix, settings, 404, depends=depends)
        for prefix, depends in (
            ("/v2/models/{name}", [Depends(named)]),
            ("/v2/models/{name}/versions/{version}", [Depends(named), Depends(versioned)]),
        )
    ]


def _ask_model(
    router: APIRouter, card: Card, reader: Reader, settings: Settings, statistics: Statistics
) -> None:
    """Add the question itself. It is answered on the event loop, as /predict is."""

    @router.post(
        "/infer",
        responses={**oip_documented(400, 413, 501), 200: INFER_REPLY},
        openapi_extra={"requestBody": INFER_BODY},
    )
    async def infer(request: Request) -> Response:
        """Read the digits that images show; their tensor is JSON, or bytes behind it."""
        body = await request.body()
        with statistics.inference() as watch:
            body = inflate(body, _header(request, "Content-Encoding") or "", settings.max_body_bytes)
            head, tail = split(body, _header(request, HEADER_LENGTH))
            message = raw_request(tail) if head is None else parse(_REQUEST, head, settings.max_json_values)
            refuse_shared_memory(message)
            pixels = to_pixels(message, tail, settings.max_batch_rows)
            watch.lap(rows=len(pixels))
            readings = reader.read(pixels)
            watch.lap()
            response = _reply(card, message, readings, _header(request, "Accept-Encoding") or "")
            watch.lap()
        return response


def _reply(card: Card, request: messages.InferRequest, readings: Readings, accept_encoding: str) -> Response:
    """Write what was read: JSON, and behind it the outputs that are wanted as bytes."""
    outputs, tail = pack(readings, request)
    reply = messages.InferReply(model_name=card.name, model_version=card.version, outputs=outputs)
    if request.id is not None:
        reply["id"] = request.id
    body, headers = _REPLY.dump_json(reply), {"Vary": "Accept-Encoding"}
    media_type = "application/json"
    if tail:
        headers[HEADER_LENGTH] = str(len(body))
        body, media_type = body + tail, "application/octet-stream"
    if coding := coding_of_choice(accept_encoding):
        headers["Content-Encoding"] = coding
        body = compress(body, coding)
    return Response(body, headers=headers, media_type=media_type)


def _describe_model(
    router: APIRouter,
    card: Card,
    settings: Settings,
    statistics: Statistics,
    is_draining: Callable[[], bool],
) -> None:
    """Add what is asked about a model."""

    @router.get("")
    async def metadata() -> messages.ModelReply:
        """Say what the model takes and gives."""
        return describe.metadata(card)

    @router.head("/ready", include_in_schema=False)
    @router.get("/ready", responses=oip_documented(503))
    async def ready() -> messages.ModelReadyReply:
        """Say whether the model answers; 503 once the service is stopping."""
        _require_ready(is_draining)
        return messages.ModelReadyReply(name=card.name, ready=True)

    @router.get("/config")
    async def config() -> messages.ConfigReply:
        """Say how the model is served, as Triton's configuration does."""
        return describe.config(card, settings.max_batch_rows)

    @router.get("/stats")
    async def model_statistics() -> StatisticsReply:
        """Report what the model has done when it was asked by this protocol."""
        return StatisticsReply(model_stats=[statistics.report(card)])


def _describe_server(
    router: APIRouter, card: Card, statistics: Statistics, is_draining: Callable[[], bool]
) -> None:
    """Add what is asked of the service as a whole."""

    @router.get("/", include_in_schema=False)
    @router.get("")
    async def server(request: Request) -> messages.ServerReply:
        """Say who answers, and what it knows beyond the protocol."""
        return messages.ServerReply(
            name=request.app.title.lower(), version=request.app.version, extensions=describe.EXTENSIONS
        )

    @router.head("/health/live", include_in_schema=False)
    @router.get("/health/live")
    async def live() -> messages.HealthReply:
        """Say that the process answers; it does until its end."""
        return messages.HealthReply(live=True, ready=not is_draining())

    @router.head("/health/ready", include_in_schema=False)
    @router.get("/health/ready", responses=oip_documented(503))
    async def ready() -> messages.HealthReply:
        """Say whether to send requests here; 503 once the service is stopping."""
        _require_ready(is_draining)
        return messages.HealthReply(live=True, ready=True)

    @router.get("/models")
    async def models() -> messages.ModelsReply:
        """Name all models: there is one."""
        return messages.ModelsReply(models=[card.name])

    @router.get("/models/stats")
    async def all_statistics() -> StatisticsReply:
        """Report what all models have done."""
        return StatisticsReply(model_stats=[statistics.report(card)])


def _describe_repository(
    router: APIRouter, card: Card, settings: Settings, is_draining: Callable[[], bool]
) -> None:
    """Add what is asked of the repository of models, which can only be read."""

    @router.post("/index", responses=oip_documented(400, 413, 501), openapi_extra={"requestBody": INDEX_BODY})
    async def index(request: Request) -> list[messages.IndexEntry]:
        """List all versions of all models, or with `{"ready": true}` those that answer."""
        coding = _header(request, "Content-Encoding") or ""
        body = inflate(await request.body(), coding, settings.max_body_bytes)
        wanted = parse(_INDEX, body or b"{}", settings.max_json_values)
        is_ready = not is_draining()
        return describe.index(card, is_ready=is_ready) if is_ready or not wanted.ready else []

    @router.post("/models/{name}/load", include_in_schema=False)
    @router.post("/models/{name}/unload", include_in_schema=False)
    async def change(name: str) -> None:
        """Refuse: the weights are chosen when the service starts."""
        _require_name(name, card)
        raise HTTPException(501, "Models cannot be loaded or unloaded; the weights are chosen at the start.")


def _header(request: Request, name: str) -> str | None:
    """Read a header; sent in several lines, it is one with commas (RFC 9110, section 5.3)."""
    return ", ".join(request.headers.getlist(name)) if name in request.headers else None


def _require_name(name: str, card: Card) -> None:
    """Refuse what is asked of another model."""
    if name != card.name:
        raise HTTPException(404, f"There is no such model; there is {card.name}.")


def _require_ready(is_draining: Callable[[], bool]) -> None:
    """Refuse once the service is stopping."""
    if is_draining():
        raise HTTPException(503, "The service is stopping.")
