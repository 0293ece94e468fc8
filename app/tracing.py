"""What a trace knows of a request, and what the log knows of its trace. The spans are FastAPI's own."""

from collections.abc import Callable

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

from app.address import address
from app.reader import Readings

UNTRACED = {"/livez", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"}  # asked every few seconds
ROWS = "digits.rows"  # attribute of a span: images that the request brought
REQUEST_ID = "digits.request_id"  # the same: the request's, as the caller and the log know it
TRACEPARENT = b"traceparent"

_PROPAGATOR = TraceContextTextMapPropagator()


def configuration(provider: trace.TracerProvider | None) -> TelemetryConfig:
    """Choose FastAPI's options: one span a request. Metrics and logs are ours.

    Args:
        provider: Where spans go, or None to have none.
    Returns:
        What FastAPI takes as `telemetry`.
    """
    return TelemetryConfig(
        tracing=provider is not None,
        tracer_provider=provider,
        metrics=False,
        logs=False,
        operation_spans=False,
        auto_configure=False,
        exclude=is_probe,
    )


def is_probe(scope: Scope) -> bool:
    """Say whether a request is one that balancers and scrapers send all the time.

    Args:
        scope: ASGI's description of the request.
    Returns:
        Whether it is.
    """
    path = address(scope)
    return path in UNTRACED or (path.startswith("/v2/models/") and path.endswith("/ready"))


def observers(provider: trace.TracerProvider | None) -> list[Callable[[Readings], None]]:
    """Choose who is told of what every request brought to the network, to write on spans.

    Args:
        provider: Where spans go, if they do.
    Returns:
        Nobody if they do not: then not even the question costs a prediction anything.
    """
    return [] if provider is None else [note_rows]


def note_rows(readings: Readings) -> None:
    """Write on the span of a request how many images it brought.

    Args:
        readings: What was read.
    """
    trace.get_current_span().set_attribute(ROWS, len(readings.digits))


def note_request_id(request_id: bytes) -> None:
    """Write on the span of a request by which id others know it.

    Args:
        request_id: The id.
    """
    trace.get_current_span().set_attribute(REQUEST_ID, request_id.decode())


def identify(scope: Scope) -> dict[str, str]:
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
            name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name == TRACEPARENT
        }
        context = trace.get_current_span(_PROPAGATOR.extract(carrier)).get_span_context()
    if not context.is_valid:
        return {}
    return {
        "trace_id": trace.format_trace_id(context.trace_id),
        "span_id": trace.format_span_id(context.span_id),
    }
