"""Spans of JSON endpoints equal those that FastAPI's own telemetry creates for the same requests."""

import asyncio
import dataclasses
import json
from typing import NamedTuple

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.telemetry import TelemetryConfig
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import baggage
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.requests import ClientDisconnect

from app.main import create_app
from app.settings import Settings
from tests.asgi import DISCONNECT, JSON, body_messages, call, request_scope, split
from tests.hostile import INFER, message, tensor
from tests.json_endpoints import TEMPLATES, VALID_BODIES

TRACE_ID, CALLER_SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, UNSAMPLED = (f"00-{TRACE_ID}-{CALLER_SPAN_ID}-{flags}".encode() for flags in ("01", "00"))
NO_STATUS = 0  # the client has disconnected before the answer


class CopyBaggage(SpanProcessor):
    """Copies the baggage of the caller to the attributes of a span, as OpenTelemetry's BaggageSpanProcessor does."""

    def on_start(self, span, parent_context=None):
        for name, value in baggage.get_all(parent_context).items():
            span.set_attribute(f"baggage.{name}", str(value))


@pytest.fixture(scope="module")
def exporter():
    return InMemorySpanExporter()


@pytest.fixture(scope="module")
def provider(exporter):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(CopyBaggage())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


@pytest.fixture(scope="module")
def service(artefact, provider):
    return create_app(artefact, Settings(max_body_bytes=2000), tracer_provider=provider)


@pytest.fixture(scope="module")
def failing_service(artefact, provider):
    """The service without a network: every prediction fails."""
    return create_app(dataclasses.replace(artefact, network=None), Settings(), tracer_provider=provider)


class NoAnswer(Response):
    """Sends nothing."""

    async def __call__(self, _scope, _receive, _send):
        pass


@pytest.fixture(scope="module")
def create_oracle(provider):
    """Return a function that creates a plain application with FastAPI's telemetry, which answers a given status."""

    def create(status):
        options = TelemetryConfig(metrics=False, logs=False, operation_spans=False, auto_configure=False)
        app = FastAPI(telemetry={"tracing": True, "tracer_provider": provider, **options})

        async def answer(request: Request):
            try:
                await request.body()
            except ClientDisconnect:
                return NoAnswer()
            return Response(status_code=status)

        for template in TEMPLATES.values():
            app.post(template)(answer)
        return app

    return create


def spans_of(app, exporter, scope, messages):
    """Send a request; return the spans that it exports."""
    exporter.clear()
    call(app, {**scope, "state": {}}, messages)
    return describe_spans(exporter)


def describe_spans(exporter):
    """Return the exported spans without the attributes that only the service sets."""
    return [
        {
            "name": span.name,
            "kind": span.kind,
            "trace": (span.context.trace_id if span.parent else None, span.context.trace_flags),
            "state of the trace": dict(span.context.trace_state),
            "parent": span.parent,
            "status": (span.status.status_code, span.status.description),
            "attributes": {name: value for name, value in span.attributes.items() if not name.startswith("digits.")},
            "events and links": (span.events, span.links),
        }
        for span in exporter.get_finished_spans()
    ]


hosts = st.binary(max_size=8) | st.sampled_from(
    [
        *(b"digits.example", b"Digits.Example:8000", b"digits.example:443", b"127.0.0.1:0", b"[::1]", b"[::1]:8000"),
        *(b"", b":80", b"x:", b"x:y", b"x:99999", b"[::1", b"\xff", b"user@x", b"user:password@x:1", b"@x"),
        *(b"x/path", b"x?query", b"x#fragment"),
    ]
)
queries = st.binary(max_size=12) | st.sampled_from(
    [
        *(b"", b"a=1&b=2", b"a=&b", b"a=%41+b", b"a=%ff", b"&&", b"a=1;b=2", b"Sig=shown"),
        *(b"sig=secret&a=1", b"a=1&X-Amz-Signature=secret", b"X-Amz-Credential=secret", b"X-Amz-Security-Token=secret"),
        *(b"X-Goog-Signature=secret", b"sig=", b"%73ig=secret", b"sig=secret&sig=secret"),
    ]
)
traceparents = st.sampled_from(
    [
        *(SAMPLED, UNSAMPLED, b" " + SAMPLED + b" ", SAMPLED + b"-extra", b"01" + SAMPLED[2:] + b"-extra"),
        *(b"ff" + SAMPLED[2:], SAMPLED.upper(), b"", b"nonsense", b"\xff", b"x" * 9000),
        *(f"00-{'0' * 32}-{CALLER_SPAN_ID}-01".encode(), f"00-{TRACE_ID}-{'0' * 16}-01".encode()),
    ]
)
states = st.lists(
    st.sampled_from([b"a=1", b"b=2,c=3", b"a=4 , d=5", b"", b"nonsense", b"A=1", b"e=" + b"x" * 600]), max_size=3
)
baggages = st.lists(st.sampled_from([b"k=v", b"l=w;property, m=%41", b"k=x", b"", b"nonsense", b"n=\xff"]), max_size=3)


@st.composite
def request_heads(draw):
    """Draw the fields of a scope that describe a request, and the headers that a span depends on."""
    traceparent = draw(st.none() | traceparents)
    headers = [(b"host", draw(hosts))]
    headers += [] if traceparent is None else [(b"traceparent", traceparent)]
    headers += [(b"tracestate", state) for state in draw(states)]
    headers += [(b"baggage", entries) for entries in draw(baggages)]
    fields = {
        "root_path": draw(st.sampled_from(["", "/digits", "/a/b"])),
        "scheme": draw(st.sampled_from(["http", "https", "ws", "wss"])),
        "http_version": draw(st.sampled_from(["1.0", "1.1", "2", ""])),
        "query_string": draw(queries),
        "server": draw(st.sampled_from([None, ("127.0.0.1", 8000), ("digits", 443), ("/run/digits.sock", None)])),
    }
    return draw(st.permutations(headers)), fields


class Case(NamedTuple):
    """A request and the status of its answer."""

    path: str
    status: int
    body: bytes | None = None  # by default a valid body
    header: tuple[bytes, bytes] = JSON


IN_SHARED_MEMORY = tensor(parameters={"shared_memory_region": "region"})
CASES = {
    **{f"200 {path}": Case(path, 200) for path in TEMPLATES},
    **{f"413 {path}": Case(path, 413, b" " * 2001) for path in TEMPLATES},
    **{f"422 {path}": Case(path, 400 if path.startswith("/v2") else 422, b"{}") for path in TEMPLATES},
    **{f"500 {path}": Case(path, 500) for path in TEMPLATES},
    **{f"disconnected {path}": Case(path, NO_STATUS) for path in TEMPLATES},
    "400 second host": Case("/predict", 400, header=(b"host", b"digits")),
    "415 /predict": Case("/predict", 415, header=(b"content-type", b"text/html")),
    "415 /predict/batch": Case("/predict/batch", 415, header=(b"content-type", b"text/html")),
    "431": Case("/predict", 431, header=(b"x", b"x" * 65536)),
    "501": Case(INFER, 501, json.dumps(message(IN_SHARED_MEMORY)).encode()),
}


@settings(max_examples=15)
@given(head=request_heads(), is_chunked=st.booleans())
@pytest.mark.parametrize("name", CASES)
def test_span_equals_the_one_of_fastapi(service, failing_service, create_oracle, exporter, name, head, is_chunked):
    path, status, body, header = CASES[name]
    headers, fields = head
    scope = request_scope(path, header, *headers, **fields)
    messages = body_messages(*split(VALID_BODIES[path] if body is None else body, *[0, 9] * is_chunked))
    if status == NO_STATUS:
        messages = [*messages[:-1], DISCONNECT]
    spans = spans_of(failing_service if status == 500 else service, exporter, scope, messages)
    assert spans == spans_of(create_oracle(status), exporter, scope, messages)
    is_exported = (b"traceparent", UNSAMPLED) not in headers
    assert [span["attributes"].get("http.response.status_code", NO_STATUS) for span in spans] == [status] * is_exported


@pytest.mark.parametrize("error", [BrokenPipeError, asyncio.CancelledError])
@pytest.mark.parametrize("message_type", ["http.response.start", "http.response.body"])
def test_span_of_an_answer_that_cannot_be_sent_equals_the_one_of_fastapi(
    service, create_oracle, exporter, message_type, error
):
    async def send(message):
        if message["type"] == message_type:
            raise error

    spans = []
    for app in (service, create_oracle(200)):
        messages = body_messages(VALID_BODIES["/predict"])

        async def receive(messages=messages):
            return messages.pop()

        exporter.clear()
        with pytest.raises(error):
            asyncio.run(app(request_scope("/predict", JSON), receive, send))
        spans.append(describe_spans(exporter))
    assert spans[0] == spans[1]
    assert spans[0][0]["attributes"]["error.type"].endswith(error.__name__)
