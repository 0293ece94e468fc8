"""The span of a request has its route, status and batch size, and a log line has the ids of its trace."""

import io
import logging
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from PIL import Image

from app.api.schemas import EXAMPLE_IMAGE
from app.main import create_app
from app.settings import Settings
from tests.access_log import access_log_lines
from tests.conftest import InProcess
from tests.hostile import INFER

TRACE_ID, CALLER_SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = {"traceparent": f"00-{TRACE_ID}-{CALLER_SPAN_ID}-01"}


TRACING_FILES = ("opentelemetry", "app/observability/tracing", "app/observability/request_spans")


@pytest.fixture(scope="module")
def spans():
    """The spans of all tests."""
    return InMemorySpanExporter()


@pytest.fixture
def exporter(spans):
    """The spans of one test."""
    spans.clear()
    return spans


@pytest.fixture(scope="module")
def make_traced_client(artefact, spans):
    """Create clients of a service whose spans the exporter keeps."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))

    def make(**settings):
        return InProcess(create_app(artefact, Settings(**settings), tracer_provider=provider))

    return make


@pytest.fixture(scope="module")
def traced_client(make_traced_client):
    return make_traced_client()


def draw_one_as_png():
    """Draw the digit 1 as a PNG file, in bytes."""
    image = Image.new("L", (40, 40), 255)
    image.paste(0, (18, 5, 22, 35))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("path", "options", "batch_size"),
    [
        ("/predict", {"json": {"pixels": EXAMPLE_IMAGE}}, 1),
        ("/predict/batch", {"json": {"images": [EXAMPLE_IMAGE] * 5}}, 5),
        ("/predict/picture", {"content": draw_one_as_png(), "headers": {"content-type": "image/png"}}, 1),
        (INFER, {"json": {"inputs": [{"name": "pixels", "shape": [3, 64], "datatype": "FP32", "data": [1] * 192}]}}, 3),
    ],
)
def test_prediction_has_one_span_with_its_route_status_and_batch_size(
    traced_client, exporter, path, options, batch_size
):
    assert traced_client.post(path, **options).status_code == 200
    (span,) = exporter.get_finished_spans()
    assert span.attributes["http.request.method"] == "POST"
    assert path in {span.attributes["http.route"], span.attributes["url.path"]}
    assert span.name == f"POST {span.attributes['http.route']}"
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["digits.rows"] == batch_size
    assert span.status.is_ok or span.status.is_unset


@pytest.mark.parametrize(
    ("method", "path", "status", "route"),
    [
        ("POST", "/predict", 422, "/predict"),
        ("GET", "/predict", 405, "/predict"),
        ("GET", "/nowhere", 404, "/{path}"),
        ("POST", "/v2/models/other/infer", 404, "/v2/models/{name}/infer"),
    ],
)
def test_span_of_rejected_request_has_its_status_and_no_batch_size(
    traced_client, exporter, method, path, status, route
):
    assert traced_client.request(method, path, content=b"{}").status_code == status
    (span,) = exporter.get_finished_spans()
    assert span.attributes["http.response.status_code"] == status
    assert span.attributes.get("http.route") == route
    assert "digits.rows" not in span.attributes


def test_span_holds_no_pixel_of_the_request(traced_client, exporter):
    traced_client.post("/predict", json={"pixels": [12.34567] * 64})
    (span,) = exporter.get_finished_spans()
    assert "12.34567" not in span.to_json()


@pytest.mark.parametrize(
    "path",
    [
        *("/livez", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"),
        *("/v2/models/digits/ready", "/v2/models/digits/versions/3/ready"),
    ],
)
def test_probes_and_scrapes_have_no_span(traced_client, exporter, path):
    assert traced_client.get(path).status_code == 200
    assert InProcess(traced_client.app, root_path="/digits").get(f"/digits{path}").status_code == 200
    assert exporter.get_finished_spans() == ()


def test_other_path_that_ends_like_a_probe_has_a_span(traced_client, exporter):
    traced_client.get("/somewhere/ready")
    assert len(exporter.get_finished_spans()) == 1


def test_span_is_child_of_callers_span_and_log_has_trace_and_span_id(make_traced_client, exporter, capsys):
    headers = {**TRACEPARENT, "x-request-id": "mine"}
    make_traced_client(access_log=True).get("/v2", headers=headers)
    (span,) = exporter.get_finished_spans()
    assert f"{span.context.trace_id:032x}" == TRACE_ID
    assert f"{span.parent.span_id:016x}" == CALLER_SPAN_ID
    (line,) = access_log_lines(capsys)
    assert (line["request_id"], line["trace_id"]) == ("mine", TRACE_ID)
    assert line["span_id"] == f"{span.context.span_id:016x}"
    assert span.attributes["digits.request_id"] == "mine"


def test_log_has_callers_trace_when_tracing_is_off(logging_client, capsys):
    logging_client.get("/v2", headers=TRACEPARENT)
    (line,) = access_log_lines(capsys)
    assert (line["trace_id"], line["span_id"]) == (TRACE_ID, CALLER_SPAN_ID)


@pytest.mark.parametrize(
    "traceparent",
    ["", "00-0-0-01", "nonsense", f"00-{'0' * 32}-{CALLER_SPAN_ID}-01", "é".encode(), b"\xff", "x" * 9000],
)
def test_log_has_no_trace_if_traceparent_is_invalid(logging_client, capsys, traceparent):
    reply = logging_client.get("/v2", headers={"traceparent": traceparent})
    assert reply.status_code == 200
    (line,) = access_log_lines(capsys)
    assert "trace_id" not in line


def test_log_of_failure_has_its_trace(make_traced_client, exporter, caplog):
    caplog.set_level(logging.ERROR, "digits")
    client = make_traced_client()

    @client.app.get("/crash")
    async def crash():
        raise RuntimeError

    assert client.get("/crash", headers=TRACEPARENT).status_code == 500
    (record,) = caplog.records
    assert record.trace_id == TRACE_ID
    (span,) = exporter.get_finished_spans()
    assert span.attributes["http.response.status_code"] == 500


def test_prediction_calls_no_opentelemetry_code_when_tracing_is_off(make_client):
    """A profiler sees every call: no function of OpenTelemetry or of the service's tracing may run."""
    client, tracing_calls = make_client(), []

    def record_tracing_call(frame, event, _):
        if event == "call" and any(name in frame.f_code.co_filename for name in TRACING_FILES):
            tracing_calls.append(frame.f_code.co_qualname)

    sys.setprofile(record_tracing_call)
    try:
        client.post("/predict", json={"pixels": EXAMPLE_IMAGE})
    finally:
        sys.setprofile(None)
    assert tracing_calls == []
