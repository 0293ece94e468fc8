"""The addresses of extensions that this service does not have; they answer with a 501 and a sentence."""

from functools import partial

from fastapi import APIRouter, Request

from app.oip.codec.errors import UnsupportedError
from app.oip.codec.tensors import NO_SHARED_MEMORY
from app.oip.error_format import OIP_PREFIX
from app.oip.inference import require_model
from model import Card

NO_LOADING = "Models cannot be loaded or unloaded over HTTP; the operator of the service replaces the weights."
NO_TRACE_SETTINGS = "Trace settings are not supported; environment variables set them when the service starts."
NO_LOG_SETTINGS = "Log settings are not supported; environment variables set them when the service starts."

# Path below `/v2` → sentence. Source: Triton's protocol extensions of these names.
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

    async def reject(sentence: str, request: Request) -> None:
        require_model(card, request.path_params.get("name", card.name))
        raise UnsupportedError(sentence)

    for path, sentence in UNSUPPORTED.items():
        router.add_api_route(path, partial(reject, sentence), methods=["GET", "POST"], include_in_schema=False)
    return router
