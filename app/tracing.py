"""Traces of requests: FastAPI's own, off unless the standard `OTEL_*` variables say where they go."""

import os
from typing import Any

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

from app.reader import Readings

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
UNTRACED = {"/livez", "/readyz", "/metrics"}  # asked every few seconds, and the same each time
ROWS = "digits.rows"  # attribute of a span: images that passed through the network
HEADERS = {b"traceparent", b"tracestate"}

_PROPAGATOR = TraceContextTextMapPropagator()


def is_wanted() -> bool:
    """Say whether anybody wants traces.

    Returns:
        True if a variable names a collector, or another library has set tracing up in this process.
    """
    is_named = any(os.environ.get(name) for name in ENDPOINTS)
    return is_named or not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def configuration(*, is_on: bool, provider: trace.TracerProvider | None) -> TelemetryConfig:
    """Choose FastAPI's options: one span a request. Metrics and logs are ours.

    Args:
        is_on: Whether requests are traced.
        provider: Where spans go; by default where the environment says.
    Returns:
        What FastAPI takes as `telemetry`.
    """
    return TelemetryConfig(
        tracing=is_on,
        tracer_provider=provider,
        metrics=False,
        logs=False,
        operation_spans=False,
        auto_configure=is_on and provider is None,
        exclude=lambda scope: scope["path"].removeprefix(scope["root_path"]) in UNTRACED,
    )


def note_rows(readings: Readings) -> None:
    """Write on the span of a request how many images it brought.

    Args:
        readings: What was read.
    """
    trace.get_current_span().set_attribute(ROWS, len(readings.digits))


def identify(scope: Scope) -> dict[str, Any]:
    """Find the trace that a request belongs to, for the log: by our span, or else by its caller's.

    Args:
        scope: ASGI's description of the request.
    Returns:
        Fields of a log line; none if it belongs to no trace.
    Source: W3C Trace Context, sections 3.2 and 3.3.
    """
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        carrier = {
            name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in HEADERS
        }
        context = trace.get_current_span(_PROPAGATOR.extract(carrier)).get_span_context()
    if not context.is_valid:
        return {}
    return {
        "trace_id": trace.format_trace_id(context.trace_id),
        "span_id": trace.format_span_id(context.span_id),
    }
