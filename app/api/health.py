"""`GET /livez` and `GET /readyz`: the liveness probe and the readiness probe.

The probes need only the event loop. They are answered while pictures wait to be decoded. Large batches take turns, so a
few of them at most delay a probe.
"""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.exceptions import HTTPException

from app.api.schemas import HealthReply
from app.http.openapi import documented_errors
from app.http.problems import PROBLEM_FORMAT


def health_routes(is_draining: Callable[[], bool]) -> APIRouter:
    """Build the routes of the probes.

    Args:
        is_draining: Function that returns True once the service is shutting down.
    Returns:
        A router.
    """
    router = APIRouter(tags=["health"], responses=documented_errors(PROBLEM_FORMAT))

    @router.get("/livez")
    async def livez() -> HealthReply:
        """Report that the process answers requests; it is live until it ends."""
        return HealthReply(status="live")

    @router.get("/readyz")
    async def readyz() -> HealthReply:
        """Report whether the service is ready for requests; the status is 503 during shutdown."""
        if is_draining():
            raise HTTPException(503, "The service is stopping.")
        return HealthReply(status="ready")

    return router
