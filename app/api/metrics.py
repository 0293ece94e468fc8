"""`GET /metrics`: the accuracy of the network and the figures of the service, as JSON or for Prometheus."""

from typing import Annotated, Any, Literal, TypeAlias, get_args

from fastapi import APIRouter, Query, Request, Response
from pydantic import TypeAdapter, WithJsonSchema

from app.http.headers import combined_header, quality_values
from app.http.openapi import documented_errors
from app.http.problems import PROBLEM_FORMAT
from app.observability.instruments import Instruments
from app.observability.prometheus import CONTENT_TYPES, MetricsCollector, MetricsFormat
from app.observability.report import MetricsReply, build_report
from app.observability.shared_counters import SharedCounters
from model import Artefact

METRICS = "/metrics"
RequestedFormat: TypeAlias = Literal["json", "prometheus"]
PROTOBUF = "application/vnd.google.protobuf"  # a Prometheus with native histograms asks for it first

_REPLY = TypeAdapter(MetricsReply)
_TEXT = {"schema": {"type": "string", "description": "Figures in the exposition format of Prometheus."}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    **documented_errors(PROBLEM_FORMAT, 422),
    200: {"model": MetricsReply, "content": dict.fromkeys((MetricsFormat.TEXT, MetricsFormat.OPENMETRICS), _TEXT)},
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

    @router.get(METRICS, responses=_RESPONSES)
    async def metrics(
        request: Request,
        requested_format: Annotated[
            RequestedFormat | None,
            Query(alias="format", description="Overrides the choice by Accept; without both, JSON."),
            WithJsonSchema({"type": "string", "enum": [*get_args(RequestedFormat)]}),  # null is no value of a query
        ] = None,
    ) -> Response:
        """Report the accuracy of the network on the held-out images, and the figures of all workers together."""
        chosen = negotiate_format(combined_header(request.scope, b"accept") or "")
        if requested_format == "json":
            chosen = MetricsFormat.JSON
        elif requested_format == "prometheus" and chosen is MetricsFormat.JSON:
            chosen = MetricsFormat.TEXT
        sources = (artefact, shared_counters, instruments, request.app.version)
        headers = {"Vary": "Accept"}
        if chosen is MetricsFormat.JSON:
            return Response(_REPLY.dump_json(build_report(*sources)), headers=headers, media_type=MetricsFormat.JSON)
        headers["Content-Type"] = CONTENT_TYPES[chosen]
        return Response(MetricsCollector(*sources).write(chosen), headers=headers)

    return router


def negotiate_format(accept: str) -> MetricsFormat:
    """Choose the format of a `/metrics` reply by the Accept header.

    Ranges such as `*/*` are ignored, because both Prometheus and browsers send them. The media type with the highest
    quality decides; of two with the same quality, the first one decides. If that is Protobuf, which is not supported,
    the Prometheus format with the next highest quality is used, or the text format if the header names no other.

    Args:
        accept: Value of the Accept header, empty if there is none.
    Returns:
        The format; JSON if the header names neither a format nor Protobuf.
    Source: RFC 9110, section 12.5.1.
    Example:
        >>> accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3,*/*;q=0.2"
        >>> negotiate_format(accept).name
        'OPENMETRICS'
        >>> negotiate_format("application/json, text/plain, */*").name
        'JSON'
    """
    by_quality = sorted(quality_values(accept), key=lambda entry: -entry[1])
    named = [name for name, quality in by_quality if quality > 0 and name in {*MetricsFormat, PROTOBUF}]
    if not named or named[0] == MetricsFormat.JSON:
        return MetricsFormat.JSON
    prometheus_formats = {MetricsFormat.TEXT, MetricsFormat.OPENMETRICS}
    return next((MetricsFormat(name) for name in named if name in prometheus_formats), MetricsFormat.TEXT)
