"""The exporter of traces to the collector that the standard `OTEL_*` variables name.

FastAPI's own exporter has no time limit at shutdown and no limit on the length of attributes. The shutdown would wait
for a collector that does not answer, and waiting spans with long URLs could fill the memory.
"""

import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from opentelemetry import propagate, trace

from app.observability.logs import log

# Environment variables; the first one that is set counts.
ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOL_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
MAX_ATTRIBUTE_LENGTH = 256  # characters; a URL can have 64 KiB, and two thousand spans may wait to be sent
FLUSH_TIMEOUT_SECONDS = 3.0  # longest time that the shutdown waits for the collector


def create_tracer_provider(version: str) -> trace.TracerProvider | None:
    """Create the provider that sends spans to the collector.

    If another library has already set up a provider in this process, that one is returned.

    Args:
        version: Version of the service.
    Returns:
        The provider, or None if tracing is off or cannot be set up. The reason for a failure is logged.
    """
    if _read_environment("OTEL_SDK_DISABLED") == "true" or _read_environment("OTEL_TRACES_EXPORTER") == "none":
        return None
    try:
        return _find_or_create_provider(version)
    except ImportError:
        reason = "the packages of requirements/tracing.txt are not installed"
    except Exception as error:  # no error of the tracing set-up may stop the service
        reason = str(error) or repr(error)
    log.warning("no traces are sent: %s", reason)
    return None


def flush_at_shutdown(
    provider: trace.TracerProvider | None, timeout_seconds: float = FLUSH_TIMEOUT_SECONDS
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Create a lifespan that sends the waiting spans at shutdown, within a time limit.

    Args:
        provider: Provider that receives the spans, or None.
        timeout_seconds: Longest time that the shutdown waits for the collector.
    Returns:
        The value of FastAPI's argument `lifespan`.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        if flush := getattr(provider, "force_flush", None):
            # `force_flush` can exceed its timeout. `join` waits for a limited time; the thread ends with the process.
            thread = threading.Thread(target=flush, daemon=True)
            thread.start()
            thread.join(timeout_seconds)

    return lifespan


def _find_or_create_provider(version: str) -> trace.TracerProvider | None:
    """Return the provider of another library, or create one; None if there is neither a provider nor an endpoint."""
    existing, endpoint = trace.get_tracer_provider(), _read_environment(*ENDPOINT_VARIABLES)
    is_set_up = not isinstance(existing, trace.ProxyTracerProvider)
    if not is_set_up and not endpoint:
        return None
    if propagate.extract({}) is None:  # OTEL_PROPAGATORS names no propagator, and every request would fail with a 500
        raise ValueError("OTEL_PROPAGATORS must name one")
    if is_set_up:
        return existing
    if not endpoint.startswith(("http://", "https://")):
        raise ValueError("OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https address")
    if _read_environment("OTEL_TRACES_EXPORTER") not in {"otlp", ""}:
        raise ValueError("OTEL_TRACES_EXPORTER must be otlp or none")
    if _read_environment(*PROTOCOL_VARIABLES) not in {"http/protobuf", ""}:
        raise ValueError("OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf")
    return _create_provider(version)


def _read_environment(*names: str) -> str:
    """Return the value of the first environment variable that is not empty, in lower case."""
    return next(filter(None, map(os.environ.get, names)), "").lower()


def _create_provider(version: str) -> trace.TracerProvider:
    """Create a provider from the environment, with a limit on the length of attributes if the environment sets none."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
    from opentelemetry.sdk.trace import SpanLimits, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    service = Resource.create({SERVICE_VERSION: version})
    if str(service.attributes[SERVICE_NAME]).startswith("unknown_service"):
        service = service.merge(Resource({SERVICE_NAME: "digits"}))
    limits = SpanLimits()
    if limits.max_span_attribute_length is None:
        limits = SpanLimits(max_span_attribute_length=MAX_ATTRIBUTE_LENGTH)
    provider = TracerProvider(resource=service, span_limits=limits, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
