"""`GET /metrics`: the accuracy of the network and the figures of the service, as JSON or for Prometheus."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import TypeAdapter

from app.http.headers import combined_header
from app.http.problems import documented_problems
from app.observability.instruments import Instruments
from app.observability.negotiation import MetricsFormat, negotiate_format
from app.observability.prometheus import CONTENT_TYPES, write_metrics
from app.observability.report import MetricsReply, build_report
from app.observability.shared_counters import SharedCounters
from model import Artefact

METRICS = "/metrics"

_REPLY = TypeAdapter(MetricsReply)
_RESPONSES: dict[int | str, dict[str, Any]] = {
    **documented_problems(422),
    200: {"model": MetricsReply, "content": {MetricsFormat.TEXT: {}, MetricsFormat.OPENMETRICS: {}}},
}


def metrics_routes(artefact: Artefact, shared_counters: SharedCounters, instruments: Instruments) -> APIRouter:
    """Build the route that reports the figures.

    Args:
        artefact: The weights and their card, which has the accuracy on the held-out images.
        shared_counters: Counters of all workers.
        instruments: Counters, histograms and gauges that use the shared counters.
    Returns:
        A router.
    """
    router = APIRouter(tags=["metrics"])

    @router.head(METRICS, include_in_schema=False)
    @router.get(METRICS, responses=_RESPONSES)
    async def metrics(
        request: Request,
        requested_format: Annotated[
            Literal["json", "prometheus"] | None, Query(alias="format", description="Overrides the choice by Accept.")
        ] = None,
    ) -> Response:
        """Report the accuracy of the network on the held-out images, and the figures of all workers together."""
        chosen = negotiate_format(combined_header(request.headers, "accept") or "")
        if requested_format == "json":
            chosen = MetricsFormat.JSON
        elif requested_format == "prometheus" and chosen is MetricsFormat.JSON:
            chosen = MetricsFormat.TEXT
        report = build_report(artefact, shared_counters, instruments, request.app.version)
        headers = {"Vary": "Accept"}
        if chosen is MetricsFormat.JSON:
            return Response(_REPLY.dump_json(report), headers=headers, media_type=MetricsFormat.JSON)
        headers["Content-Type"] = CONTENT_TYPES[chosen]
        return Response(write_metrics(report, chosen), headers=headers)

    return router
