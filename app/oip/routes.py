"""The addresses below `/v2`, as Triton's and KServe's clients request them."""

from collections.abc import Callable, Sequence

from fastapi import APIRouter, Depends, Request, params
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException

from app.http.headers import combined_header
from app.http.json_endpoint import parse_json
from app.http.routing import add_flat_routes
from app.oip.codec import messages
from app.oip.codec import metadata as codec_metadata
from app.oip.codec.content_coding import decompress
from app.oip.codec.statistics import OipStatistics, StatisticsReply
from app.oip.error_format import OIP_PREFIX, documented_errors
from app.oip.inference import add_inference
from app.oip.openapi import INDEX_BODY
from app.predictor import Predictor
from app.settings import Settings
from model import Artefact, Card

_INDEX_REQUEST = TypeAdapter(messages.IndexRequest)


def is_oip_probe(path: str) -> bool:
    """Tell whether a path is one of the protocol's health checks.

    Args:
        path: Path of a request, without `root_path`.
    Returns:
        True for the health of the server and the readiness of a model.
    """
    is_model = path.startswith(f"{OIP_PREFIX}/models/") and path.endswith("/ready")
    return is_model or path in {f"{OIP_PREFIX}/health/live", f"{OIP_PREFIX}/health/ready"}


def oip_routes(
    artefact: Artefact,
    predictor: Predictor,
    settings: Settings,
    is_draining: Callable[[], bool],
    statistics: OipStatistics,
) -> APIRouter:
    """Build the routes of the protocol.

    Args:
        artefact: The weights and their card, which describes the model.
        predictor: Runs the network.
        settings: Settings with the limits of a batch and of a body.
        is_draining: Function that returns True once the service is shutting down.
        statistics: Counters of the inferences.
    Returns:
        A router.
    """
    card = artefact.card
    model_routers = _model_routers(card, settings)
    for model_router in model_routers:
        # Within each router, the inference route comes first, because it is requested most often.
        add_inference(model_router, card, predictor, settings, statistics)
        _add_model_description(model_router, card, settings, statistics, is_draining)
    server_router = _create_router(OIP_PREFIX, settings)
    _add_server(server_router, card, statistics, is_draining)
    repository_router = _create_router(f"{OIP_PREFIX}/repository", settings)
    _add_repository(repository_router, card, settings, is_draining)
    router = APIRouter()  # routes of an included router would report their path without the prefix
    # The server's routes come first, because `/models/{name}` would also match `/models/stats`.
    for part in (server_router, *model_routers, repository_router):
        add_flat_routes(router, part)
    return router


def _create_router(
    prefix: str, settings: Settings, *statuses: int, dependencies: Sequence[params.Depends] = ()
) -> APIRouter:
    return APIRouter(
        prefix=prefix,
        tags=["open inference protocol"],
        max_body_size=settings.max_body_bytes,
        dependencies=dependencies,
        responses=documented_errors(500, *statuses),
    )


def _model_routers(card: Card, settings: Settings) -> list[APIRouter]:
    """Create the routers of the model and of its version, which check the names in the path.

    There are two routers instead of one that is included under two prefixes, because the routes of an included
    router report their path without the prefix, for example as the label of metrics.
    """

    async def check_name(name: str) -> None:
        _require_name(name, card)

    async def check_version(version: str) -> None:
        if version != card.version:
            raise HTTPException(404, f"There is no such version of {card.name}; there is {card.version}.")

    return [
        _create_router(prefix, settings, 404, dependencies=dependencies)
        for prefix, dependencies in (
            (f"{OIP_PREFIX}/models/{{name}}", [Depends(check_name)]),
            (f"{OIP_PREFIX}/models/{{name}}/versions/{{version}}", [Depends(check_name), Depends(check_version)]),
        )
    ]


def _add_model_description(
    router: APIRouter, card: Card, settings: Settings, statistics: OipStatistics, is_draining: Callable[[], bool]
) -> None:
    """Add the routes that describe a model."""

    @router.get("")
    async def metadata() -> messages.ModelMetadataReply:
        """Return the inputs and outputs of the model."""
        return codec_metadata.model_metadata(card)

    @router.head("/ready", include_in_schema=False)
    @router.get("/ready", responses=documented_errors(503))
    async def ready() -> messages.ModelReadyReply:
        """Report whether the model is ready for requests; the status is 503 during shutdown."""
        _require_ready(is_draining)
        return messages.ModelReadyReply(name=card.name, ready=True)

    @router.get("/config")
    async def config() -> messages.ConfigReply:
        """Return the configuration of the model in Triton's form."""
        return codec_metadata.model_config(card, settings.max_batch_rows)

    @router.get("/stats")
    async def model_statistics() -> StatisticsReply:
        """Return the statistics of the inferences by this protocol."""
        return StatisticsReply(model_stats=[statistics.report(card)])


def _add_server(router: APIRouter, card: Card, statistics: OipStatistics, is_draining: Callable[[], bool]) -> None:
    """Add the routes that describe the service as a whole."""

    @router.get("/", include_in_schema=False)
    @router.get("")
    async def server(request: Request) -> messages.ServerReply:
        """Return the name and version of the service, and the extensions that it supports."""
        return messages.ServerReply(
            name=request.app.title.lower(), version=request.app.version, extensions=codec_metadata.EXTENSIONS
        )

    @router.head("/health/live", include_in_schema=False)
    @router.get("/health/live")
    async def live() -> messages.OipHealthReply:
        """Report that the process answers requests; it is live until it ends."""
        return messages.OipHealthReply(live=True, ready=not is_draining())

    @router.head("/health/ready", include_in_schema=False)
    @router.get("/health/ready", responses=documented_errors(503))
    async def ready() -> messages.OipHealthReply:
        """Report whether the service is ready for requests; the status is 503 during shutdown."""
        _require_ready(is_draining)
        return messages.OipHealthReply(live=True, ready=True)

    @router.get("/models")
    async def models() -> messages.ModelsReply:
        """List the names of all models; there is one."""
        return messages.ModelsReply(models=[card.name])

    @router.get("/models/stats")
    async def all_statistics() -> StatisticsReply:
        """Return the statistics of all models."""
        return StatisticsReply(model_stats=[statistics.report(card)])


def _add_repository(router: APIRouter, card: Card, settings: Settings, is_draining: Callable[[], bool]) -> None:
    """Add the routes of the model repository, which is read-only."""

    @router.post("/index", responses=documented_errors(400, 413, 501), openapi_extra={"requestBody": INDEX_BODY})
    async def index(request: Request) -> list[messages.IndexEntry]:
        """List all versions of all models, or with `{"ready": true}` only the ready ones."""
        coding = combined_header(request.headers, "Content-Encoding") or ""
        body = decompress(await request.body(), coding, settings.max_body_bytes) or b"{}"
        limit = settings.max_json_values
        index_filter = parse_json(_INDEX_REQUEST, body, limit, messages.remove_format_names)
        is_ready = not is_draining()
        if index_filter.ready and not is_ready:
            return []
        return codec_metadata.repository_index(card, is_ready=is_ready)

    @router.post("/models/{name}/load", include_in_schema=False)
    @router.post("/models/{name}/unload", include_in_schema=False)
    async def change(name: str) -> None:
        """Reject the request, because the weights are chosen when the service starts."""
        _require_name(name, card)
        raise HTTPException(501, "Models cannot be loaded or unloaded; the weights are chosen at the start.")


def _require_name(name: str, card: Card) -> None:
    """Reject a request for another model."""
    if name != card.name:
        raise HTTPException(404, f"There is no such model; there is {card.name}.")


def _require_ready(is_draining: Callable[[], bool]) -> None:
    """Reject a request during shutdown."""
    if is_draining():
        raise HTTPException(503, "The service is stopping.")
