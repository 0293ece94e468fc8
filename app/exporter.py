"""Where traces go: to the collector that the standard `OTEL_*` variables name, if there is one.

FastAPI can set its exporter up itself, but then the end of the service waits for a collector that does not
answer, without a bound, and long addresses fill the memory.
"""

import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.util import find_spec

from fastapi import FastAPI
from opentelemetry import propagate, trace

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL = "http/protobuf"
SERVICE_NAME = "service.name"
MAX_ATTRIBUTE_LENGTH = 256  # characters; an address can have 64 KiB, and two thousand spans wait to be sent
FLUSH_SECONDS = 3.0  # how long the end of the service waits for the collector

NOT_SENT = "no traces are sent: %s"

log = logging.getLogger("digits")

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def is_wanted() -> bool:
    """Say whether anybody wants traces.

    Returns:
        True if a variable names a collector, or another library has set tracing up in this process.
    """
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    is_off |= os.environ.get("OTEL_TRACES_EXPORTER", "").lower() == "none"
    return not is_off and (_first(ENDPOINTS) is not None or _is_set_up())


def obstacle() -> str | None:
    """Say why traces that are wanted cannot be sent.

    Returns:
        The reason, or None if there is none.
    """
    if propagate.extract({}) is None:
        return "OTEL_PROPAGATORS must name one"
    return None if _is_set_up() else _obstacle_of_ours()


def tracer_provider(version: str) -> trace.TracerProvider | None:
    """Set up what sends spans to the collector, or take what somebody else has set up.

    Args:
        version: Of the service.
    Returns:
        Where spans go, or None if nobody wants them or something is in the way.
    """
    if not is_wanted() or obstacle() is not None:
        return None
    if _is_set_up():
        return trace.get_tracer_provider()
    try:
        return _set_up(version)
    except ValueError as error:  # one of the many other variables has a value that it cannot have
        log.warning(NOT_SENT, error)
        return None


def flushing(provider: trace.TracerProvider | None) -> Lifespan:
    """Make sure that spans which wait are sent at the end, if that does not take too long.

    Args:
        provider: Where spans go, if they do.
    Returns:
        What FastAPI takes as its `lifespan`.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        if flush := getattr(provider, "force_flush", None):
            # It knows no bound of its own. A daemon thread is left behind when the process ends.
            thread = threading.Thread(target=flush, daemon=True)
            thread.start()
            thread.join(FLUSH_SECONDS)

    return lifespan


def _first(variables: tuple[str, ...]) -> str | None:
    """The value of the first of some variables that has one."""
    return next(filter(None, map(os.environ.get, variables)), None)


def _is_set_up() -> bool:
    """Whether somebody else has set tracing up in this process, as `opentelemetry-instrument` does."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def _set_up(version: str) -> trace.TracerProvider:
    """Make a provider as the environment says, and with a bound where it says nothing."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanLimits, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    service = Resource.create({"service.version": version})
    if str(service.attributes[SERVICE_NAME]).startswith("unknown_service"):
        service = service.merge(Resource({SERVICE_NAME: "digits"}))
    limits = SpanLimits()
    if limits.max_span_attribute_length is None:
        limits = SpanLimits(max_span_attribute_length=MAX_ATTRIBUTE_LENGTH)
    provider = TracerProvider(resource=service, span_limits=limits, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _obstacle_of_ours() -> str | None:
    """Why our exporter cannot be set up."""
    if os.environ.get("OTEL_TRACES_EXPORTER", "otlp").lower() not in {"otlp", ""}:
        return "OTEL_TRACES_EXPORTER must be otlp or none"
    if (_first(PROTOCOLS) or PROTOCOL) != PROTOCOL:
        return f"OTEL_EXPORTER_OTLP_PROTOCOL must be {PROTOCOL}"
    if not (_first(ENDPOINTS) or "").startswith(("http://", "https://")):
        return "OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https address"
    if find_spec("opentelemetry.sdk") is None or find_spec("opentelemetry.exporter") is None:
        return "the packages of requirements/tracing.txt are not installed"
    return None
