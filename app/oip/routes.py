"""The addresses below `/v2`, as Triton's and KServe's clients request them."""

import re
from collections.abc import Callable, Sequence

from fastapi import APIRouter, Depends, Request, params
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException

from app.http.admission import SMALL_BODY_BYTES
from app.http.body import check_announced_length, receive_body
from app.http.json_body import parse_json
from app.http.openapi import STATUSES_OF_BODIES, schema_reference
from app.oip.codec import metadata
from app.oip.codec.metadata import EXTENSIONS, INPUT_TENSORS, OUTPUT_TENSORS, PLATFORM, tensor_config
from app.oip.codec.statistics import OipStatistics, StatisticsReply
from app.oip.error_format import OIP_PREFIX
from app.oip.inference import require_model
from app.oip.openapi import TAG, ModelName, ModelVersion, oip_errors
from app.oip.unsupported import unsupported_routes
from app.settings import Settings
from model import Card

# Generated clients send null if their user gives no body.
_INDEX_REQUEST: TypeAdapter[metadata.IndexRequest | None] = TypeAdapter(metadata.IndexRequest | None)
# A version may be called "ready", too: the metadata of this version is no health check.
OIP_PROBE = re.compile(rf"{OIP_PREFIX}/(health/(live|ready)|models/[^/]+(/versions/[^/]+)?/ready)")
_INDEX_BODY = {"content": {"application/json": {"schema": schema_reference(metadata.IndexRequest)}}}


def is_oip_probe(path: str) -> bool:
    """Tell whether a path is one of the protocol's health checks.

    Args:
        path: Path of a request, without `root_path`.
    Returns:
        True for the health of the server and the readiness of a model.
    """
    return OIP_PROBE.fullmatch(path) is not None


def oip_routes(card: Card, settings: Settings, is_draining: Callable[[], bool], statistics: OipStatistics) -> APIRouter:
    """Build the routes of the protocol, except those of inference requests.

    Args:
        card: Card of the model.
        settings: Settings with the limits of a batch and of a body.
        is_draining: Function that returns True once the service is shutting down.
        statistics: Counters of the inferences.
    Returns:
        A router.
    """

    async def check_name(name: ModelName) -> None:
        require_model(card, name)

    async def check_version(name: ModelName, version: ModelVersion) -> None:
        require_model(card, name, version)

    server_router = _create_router("")
    _add_server(server_router, card, statistics, is_draining)
    # There are two routers for a model, each with its own prefix, because routes report their path without the prefix
    # under which a router is included, for example as the label of metrics.
    name_router = _create_router("/models/{name}", 404, dependencies=[Depends(check_name)])
    version_router = _create_router("/models/{name}/versions/{version}", 404, dependencies=[Depends(check_version)])
    for model_router in (name_router, version_router):
        _add_model_description(model_router, card, settings, statistics, is_draining)
    repository_router = _create_router("/repository")
    _add_repository(repository_router, card, settings, is_draining)
    router = APIRouter()
    # The server's routes come first, because `/models/{name}` would also match `/models/stats`.
    for part in (server_router, name_router, version_router, repository_router, unsupported_routes(card)):
        router.include_router(part)
    return router


def _create_router(path: str, *statuses: int, dependencies: Sequence[params.Depends] = ()) -> APIRouter:
    """Create a router for the addresses below a path of the protocol."""
    responses = oip_errors(*statuses)
    return APIRouter(prefix=f"{OIP_PREFIX}{path}", tags=[TAG], dependencies=dependencies, responses=responses)


def _add_model_description(
    router: APIRouter, card: Card, settings: Settings, statistics: OipStatistics, is_draining: Callable[[], bool]
) -> None:
    """Add the routes that describe a model."""

    @router.get("")
    async def model_metadata() -> metadata.ModelMetadataReply:
        """Return the inputs and outputs of the model."""
        return metadata.ModelMetadataReply(
            name=card.name, versions=[card.version], platform=PLATFORM, inputs=INPUT_TENSORS, outputs=OUTPUT_TENSORS
        )

    @router.get("/ready")
    async def model_ready() -> metadata.ModelReadyReply:
        """Report whether the model is ready for requests; the status is 503 during shutdown."""
        _require_ready(is_draining)
        return metadata.ModelReadyReply(name=card.name, ready=True)

    @router.get("/config")
    async def model_config() -> metadata.ConfigReply:
        """Return the configuration of the model in Triton's form."""
        return metadata.ConfigReply(
            name=card.name,
            platform=PLATFORM,
            max_batch_size=settings.max_batch_rows,
            input=[tensor_config(tensor) for tensor in INPUT_TENSORS],
            output=[tensor_config(tensor) for tensor in OUTPUT_TENSORS],
        )

    @router.get("/stats")
    async def model_statistics() -> StatisticsReply:
        """Return the statistics of the inferences by this protocol."""
        return StatisticsReply(model_stats=[statistics.report(card)])


def _add_server(router: APIRouter, card: Card, statistics: OipStatistics, is_draining: Callable[[], bool]) -> None:
    """Add the routes that describe the service as a whole."""

    @router.get("/", include_in_schema=False)
    @router.get("")
    async def server_metadata(request: Request) -> metadata.ServerReply:
        """Return the name and version of the service, and the extensions that it supports."""
        return metadata.ServerReply(name=request.app.title.lower(), version=request.app.version, extensions=EXTENSIONS)

    @router.get("/health/live")
    async def server_live() -> metadata.OipHealthReply:
        """Report that the process answers requests; it is live until it ends."""
        return metadata.OipHealthReply(live=True, ready=not is_draining())

    @router.get("/health/ready")
    async def server_ready() -> metadata.OipHealthReply:
        """Report whether the service is ready for requests; the status is 503 during shutdown."""
        _require_ready(is_draining)
        return metadata.OipHealthReply(live=True, ready=True)

    @router.get("/models")
    async def list_models() -> metadata.ModelsReply:
        """List the names of all models; there is one."""
        return metadata.ModelsReply(models=[card.name])

    @router.get("/models/stats")
    async def all_statistics() -> StatisticsReply:
        """Return the statistics of all models."""
        return StatisticsReply(model_stats=[statistics.report(card)])


def _add_repository(router: APIRouter, card: Card, settings: Settings, is_draining: Callable[[], bool]) -> None:
    """Add the routes of the model repository, which is read-only."""
    max_bytes = min(SMALL_BODY_BYTES, settings.max_body_bytes)

    @router.post("/index", responses=oip_errors(*STATUSES_OF_BODIES), openapi_extra={"requestBody": _INDEX_BODY})
    async def repository_index(request: Request) -> list[metadata.IndexEntry]:
        """List all versions of all models, or with `{"ready": true}` only the ready ones."""
        check_announced_length(request.scope, max_bytes)
        body = await receive_body(request.scope, request.receive, max_bytes) or b"{}"
        index_filter = parse_json(_INDEX_REQUEST, body, settings)
        if not is_draining():
            return [metadata.IndexEntry(name=card.name, version=card.version, state="READY", reason="")]
        if index_filter and index_filter.ready:
            return []
        reason = "the service is stopping"
        return [metadata.IndexEntry(name=card.name, version=card.version, state="UNAVAILABLE", reason=reason)]


def _require_ready(is_draining: Callable[[], bool]) -> None:
    """Reject a request during shutdown."""
    if is_draining():
        raise HTTPException(503, "The service is stopping.")
