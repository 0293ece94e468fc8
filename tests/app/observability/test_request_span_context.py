"""The span of a request to a JSON endpoint: its parent, its time as the current span, and its ids in the log."""

import asyncio
import dataclasses
import logging

import pytest
from opentelemetry import baggage, propagate, trace
from opentelemetry.propagators.textmap import TextMapPropagator, default_getter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.main import create_app
from app.settings import Settings
from tests.access_log import access_log_lines
from tests.asgi import JSON, body_messages, call_async, request_scope
from tests.json_endpoints import TEMPLATES, VALID_BODIES

TRACE_ID, CALLER_SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, UNSAMPLED = (f"00-{TRACE_ID}-{CALLER_SPAN_ID}-{flags}".encode() for flags in ("01", "00"))
INVALID = trace.INVALID_SPAN.get_span_context()


class ObservedNetwork:
    """A network that keeps the span and the baggage that are current when it is called, and then predicts or fails."""

    def __init__(self, network):
        self.network, self.error, self.current, self.baggage = network, None, INVALID, {}

    def probabilities(self, pixels):
        self.current, self.baggage = trace.get_current_span().get_span_context(), dict(baggage.get_all())
        if self.error is not None:
            raise self.error
        return self.network.probabilities(pixels)


class TracedService:
    """A service with tracing and an access log."""

    def __init__(self, artefact):
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.network = ObservedNetwork(artefact.network)
        observed = dataclasses.replace(artefact, network=self.network)
        self.app = create_app(observed, Settings(access_log=True), tracer_provider=self.provider)

    async def send_async(self, *headers, path="/predict"):
        await call_async(self.app, request_scope(path, JSON, *headers), body_messages(VALID_BODIES[path]))

    def send(self, *headers, path="/predict"):
        """Send a request; return the spans that the service exports for it."""
        self.exporter.clear()
        asyncio.run(self.send_async(*headers, path=path))
        return self.exporter.get_finished_spans()


@pytest.fixture(scope="module")
def traced_service(artefact):
    return TracedService(artefact)


@pytest.fixture
def service(traced_service):
    """The service without any span of earlier tests."""
    traced_service.exporter.clear()
    yield traced_service
    traced_service.network.error = None


@pytest.mark.parametrize("path", TEMPLATES)
def test_span_is_current_during_the_prediction_and_no_longer_after_the_answer(service, path):
    async def send():
        await service.send_async(path=path)
        return trace.get_current_span().get_span_context()

    assert asyncio.run(send()) == INVALID
    (span,) = service.exporter.get_finished_spans()
    assert service.network.current == span.context != INVALID
    assert (span.name, span.attributes["digits.rows"]) == (f"POST {TEMPLATES[path]}", 1)


def test_requests_at_the_same_time_have_a_span_of_their_own(service):
    async def send_two():
        await asyncio.gather(service.send_async(), service.send_async())

    asyncio.run(send_two())
    first, second = service.exporter.get_finished_spans()
    assert first.context.trace_id != second.context.trace_id
    assert first.parent is second.parent is None
    assert first.attributes["digits.rows"] == second.attributes["digits.rows"] == 1


def test_span_that_is_current_in_the_process_is_not_the_parent(service):
    with service.provider.get_tracer("test").start_as_current_span("outer"):
        (span,) = service.send()
    assert span.parent is None


def test_span_and_baggage_of_the_caller_are_known_during_the_prediction(service):
    (span,) = service.send((b"traceparent", SAMPLED), (b"baggage", b"a=b"), (b"baggage", b"c=d"))
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE_ID, CALLER_SPAN_ID)
    assert service.network.current == span.context
    assert service.network.baggage == {"a": "b", "c": "d"}


@pytest.mark.parametrize("values", [(SAMPLED, SAMPLED), (SAMPLED, b"nonsense"), (b"", SAMPLED)])
def test_several_traceparents_are_invalid(service, values):
    """FastAPI's telemetry takes the first one.

    Source: W3C, test suite of Trace Context, test_traceparent_duplicated.
    """
    (span,) = service.send(*((b"traceparent", value) for value in values))
    assert span.parent is None
    assert f"{span.context.trace_id:032x}" != TRACE_ID


def test_request_that_is_not_sampled_exports_nothing_and_its_log_line_has_its_ids(service, capsys):
    assert service.send((b"traceparent", UNSAMPLED)) == ()
    (line,) = access_log_lines(capsys)
    assert (line["trace_id"], line["span_id"]) == (TRACE_ID, f"{service.network.current.span_id:016x}")
    assert line["span_id"] != CALLER_SPAN_ID
    assert not service.network.current.trace_flags.sampled


def test_log_lines_of_a_failure_have_the_ids_of_the_span(service, capsys, caplog):
    caplog.set_level(logging.ERROR, "digits")
    service.network.error = RuntimeError("a secret")
    (span,) = service.send((b"traceparent", SAMPLED))
    (record,), (line,) = caplog.records, access_log_lines(capsys)
    ids = (TRACE_ID, f"{span.context.span_id:016x}")
    assert (record.trace_id, record.span_id) == (line["trace_id"], line["span_id"]) == ids
    assert span.attributes["digits.request_id"] == record.request_id == line["request_id"]
    assert (span.attributes["http.response.status_code"], span.status.status_code) == (500, trace.StatusCode.ERROR)
    assert "secret" not in span.to_json()


class OwnHeader(TextMapPropagator):
    """Reads the caller's span from a header of its own, in the form of a traceparent.

    Args:
        fields: Names of the headers that the propagator writes into requests.
    """

    def __init__(self, *fields):
        self.names = set(fields)

    @property
    def fields(self):
        return self.names

    def extract(self, carrier, context=None, getter=default_getter):
        values = getter.get(carrier, "x-caller") or []
        return TraceContextTextMapPropagator().extract({"traceparent": values}, context)

    def inject(self, carrier, context=None, setter=None):
        raise NotImplementedError


@pytest.fixture
def set_propagator():
    """Return the function that sets the propagator, as OTEL_PROPAGATORS does at the start of a process."""
    before = propagate.get_global_textmap()
    yield propagate.set_global_textmap
    propagate.set_global_textmap(before)


@pytest.mark.parametrize("fields", [["X-Caller"], ["b3"]])
def test_parent_is_read_by_the_configured_propagator(artefact, set_propagator, fields):
    set_propagator(OwnHeader(*fields))
    service = TracedService(artefact)
    (by_own_header,), (by_traceparent,) = service.send((b"x-caller", SAMPLED)), service.send((b"traceparent", SAMPLED))
    assert f"{by_own_header.parent.span_id:016x}" == CALLER_SPAN_ID
    assert by_traceparent.parent is None
