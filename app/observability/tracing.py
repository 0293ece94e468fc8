"""Tracing: attributes of the request's span, and the trace ids in log lines.

FastAPI creates the spans, except those of JSON endpoints, which `request_spans` creates.
"""

from collections.abc import Callable

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

from app.predictor import Predictions

BATCH_SIZE = "digits.rows"  # span attribute: number of images in the request
REQUEST_ID = "digits.request_id"  # span attribute: id of the request, as the caller and the log know it
TRACEPARENT = b"traceparent"

_PROPAGATOR = TraceContextTextMapPropagator()


def telemetry_config(provider: trace.TracerProvider | None, is_excluded: Callable[[Scope], bool]) -> TelemetryConfig:
    """Configure FastAPI's telemetry to create one span for each request, and no metrics or logs.

    Args:
        provider: Provider that receives the spans, or None for no spans.
        is_excluded: Function that returns True for requests without a span.
    Returns:
        The value of FastAPI's argument `telemetry`.
    """
    return TelemetryConfig(
        tracing=provider is not None,
        tracer_provider=provider,
        metrics=False,
        logs=False,
        operation_spans=False,
        auto_configure=False,
        exclude=is_excluded,
    )


def set_batch_size(predictions: Predictions) -> None:
    """Write the number of images of the current request to its span.

    Args:
        predictions: Predictions for the images of the request.
    """
    trace.get_current_span().set_attribute(BATCH_SIZE, len(predictions.digits))


def set_request_id(request_id: bytes) -> None:
    """Write the id of the current request to its span.

    Args:
        request_id: Id of the request, ASCII, as in the header of the answer.
    """
    trace.get_current_span().set_attribute(REQUEST_ID, request_id.decode())


def combined_headers(scope: Scope) -> dict[str, str]:
    """Combine the lines of each header of a request, as OpenTelemetry's propagators read them.

    Args:
        scope: ASGI scope of the request.
    Returns:
        The values of each header, separated by commas.
    Source: RFC 9110, section 5.3.
    """
    headers: dict[str, str] = {}
    for key, value in scope["headers"]:
        name, text = key.decode("latin-1"), value.decode("latin-1")
        headers[name] = f"{headers[name]},{text}" if name in headers else text
    return headers


def trace_fields(scope: Scope) -> dict[str, str]:
    """Find the trace of a request for the log: its own span, or otherwise the span of its caller.

    Args:
        scope: ASGI scope of the request.
    Returns:
        Fields of a log line; none if the request belongs to no trace.
    Source: W3C Trace Context, sections 3.2 and 3.3.
    """
    context = trace.get_current_span().get_span_context()
    if not context.is_valid and any(name == TRACEPARENT for name, _ in scope["headers"]):
        context = trace.get_current_span(_PROPAGATOR.extract(combined_headers(scope))).get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": trace.format_trace_id(context.trace_id), "span_id": trace.format_span_id(context.span_id)}
