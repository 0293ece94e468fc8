"""Where traces go: to the collector that the standard `OTEL_*` variables name, if there is one.

FastAPI can set its exporter up itself, but then the end of the service waits for a collector that does not
answer, without a bound, and long addresses fill the memory.
"""

import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

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


def tracer_provider(version: str) -> trace.TracerProvider | None:
    """Set up what sends spans to the collector, or take what another library has set up in this process.

    Args:
        version: Of the service.
    Returns:
        Where spans go, or None if nobody wants them or something is in the way, which is logged.
    """
    if _variable("OTEL_SDK_DISABLED") == "true" or _variable("OTEL_TRACES_EXPORTER") == "none":
        return None
    try:
        return _provider(version)
    except ImportError:
        log.warning(NOT_SENT, "the packages of requirements/tracing.txt are not installed")
    except Exception as error:
        log.warning(NOT_SENT, str(error) or repr(error))
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
            # The bound that it takes is not kept. A daemon thread is left behind when the process ends.
            thread = threading.Thread(target=flush, daemon=True)
            thread.start()
            thread.join(FLUSH_SECONDS)

    return lifespan


def _provider(version: str) -> trace.TracerProvider | None:
    """What another library, `opentelemetry-instrument` say, has set up; or ours, if there is a collector."""
    found, endpoint = trace.get_tracer_provider(), _variable(*ENDPOINTS)
    is_set_up = not isinstance(found, trace.ProxyTracerProvider)
    if not is_set_up and not endpoint:
        return None
    if propagate.extract({}) is None:  # every request would be a 500
        raise ValueError("OTEL_PROPAGATORS must name one")
    if is_set_up:
        return found
    if not endpoint.startswith(("http://", "https://")):
        raise ValueError("OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https address")
    if _variable("OTEL_TRACES_EXPORTER") not in {"otlp", ""}:
        raise ValueError("OTEL_TRACES_EXPORTER must be otlp or none")
    if _variable(*PROTOCOLS) not in {PROTOCOL, ""}:
        raise ValueError(f"OTEL_EXPORTER_OTLP_PROTOCOL must be {PROTOCOL}")
    return _set_up(version)


def _variable(*names: str) -> str:
    """The value of the first of some variables that has one, in small letters; empty if none has."""
    return next(filter(None, map(os.environ.get, names)), "").lower()


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
