"""`GET /metrics`: how well the network reads, and what the service has done, as JSON or for Prometheus."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import TypeAdapter

from app.metrics.board import Board
from app.metrics.instruments import Instruments
from app.metrics.negotiation import Form, form_of_choice
from app.metrics.prometheus import CONTENT_TYPES, write
from app.metrics.reply import MetricsReply, report
from app.problems import documented
from model import Artefact

_REPLY = TypeAdapter(MetricsReply)
_RESPONSES: dict[int | str, dict[str, Any]] = {
    **documented(422),
    200: {"model": MetricsReply, "content": {Form.TEXT: {}, Form.OPENMETRICS: {}}},
}


def metrics_routes(artefact: Artefact, board: Board, instruments: Instruments) -> APIRouter:
    """Build the route that reports figures.

    Args:
        artefact: Whose figures; they come from its card.
        board: Where the workers count.
        instruments: What they count with.
    Returns:
        A router.
    """
    router = APIRouter(tags=["metrics"])

    @router.head("/metrics", include_in_schema=False)
    @router.get("/metrics", responses=_RESPONSES)
    async def metrics(
        request: Request,
        form: Annotated[
            Literal["json", "prometheus"] | None, Query(alias="format", description="Overrides Accept.")
        ] = None,
    ) -> Response:
        """Report the held-out figures of the network, and what the service has done, all workers together."""
        choice = form_of_choice(", ".join(request.headers.getlist("accept")))
        if form == "json":
            choice = Form.JSON
        elif form == "prometheus" and choice is Form.JSON:
            choice = Form.TEXT
        figures = report(artefact, board, instruments, request.app.version)
        headers = {"Vary": "Accept"}
        if choice is Form.JSON:
            return Response(_REPLY.dump_json(figures), headers=headers, media_type=Form.JSON)
        return Response(write(figures, choice), headers={**headers, "Content-Type": CONTENT_TYPES[choice]})

    return router
