"""The addresses of extensions that this service does not have; they answer with a 501 that gives the reason."""

from functools import partial

from fastapi import APIRouter, Request

from app.oip.codec.errors import UnsupportedError
from app.oip.codec.tensors import NO_SHARED_MEMORY
from app.oip.error_format import OIP_PREFIX
from app.oip.inference import require_model
from model import Card

NO_LOADING = "Models cannot be loaded or unloaded over HTTP; the operator of the service replaces the weights."
NO_TRACE_SETTINGS = "Trace settings cannot be changed over HTTP; environment variables set them at the start."
NO_LOG_SETTINGS = "Log settings cannot be changed over HTTP; environment variables set them at the start."

# Path below `/v2` → reason. Source: Triton's protocol extensions of these names.
UNSUPPORTED = {
    "/repository/models/{name}/load": NO_LOADING,
    "/repository/models/{name}/unload": NO_LOADING,
    "/trace/setting": NO_TRACE_SETTINGS,
    "/models/{name}/trace/setting": NO_TRACE_SETTINGS,
    "/logging": NO_LOG_SETTINGS,
    "/systemsharedmemory/{address:path}": NO_SHARED_MEMORY,
    "/cudasharedmemory/{address:path}": NO_SHARED_MEMORY,
}


def unsupported_routes(card: Card) -> APIRouter:
    """Build the routes of all unsupported extensions.

    Args:
        card: Card of the model.
    Returns:
        A router.
    """
    router = APIRouter(prefix=OIP_PREFIX)

    async def reject(reason: str, request: Request) -> None:
        require_model(card, request.path_params.get("name", card.name))
        raise UnsupportedError(reason)

    for path, reason in UNSUPPORTED.items():
        router.add_api_route(path, partial(reject, reason), methods=["GET", "POST"], include_in_schema=False)
    return router
