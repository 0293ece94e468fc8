"""`GET /livez` and `GET /readyz`: whether to restart the process, and whether to send it work.

Both touch nothing that could be busy, so that a loaded service is never taken for a dead one.
"""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.exceptions import HTTPException

from app.problems import documented
from app.schemas import HealthReply


def health_routes(is_draining: Callable[[], bool]) -> APIRouter:
    """Build the probes.

    Args:
        is_draining: Says whether the service is about to stop.
    Returns:
        A router.
    """
    router = APIRouter(tags=["health"])

    @router.head("/livez", include_in_schema=False)
    @router.get("/livez")
    async def livez() -> HealthReply:
        """Say that the process answers; it does until its end."""
        return HealthReply(status="live")

    @router.head("/readyz", include_in_schema=False)
    @router.get("/readyz", responses=documented(503))
    async def readyz() -> HealthReply:
        """Say whether to send requests here; 503 once the service is stopping."""
        if is_draining():
            raise HTTPException(503, "The service is stopping.")
        return HealthReply(status="ready")

    return router
