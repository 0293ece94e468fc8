"""Spans say what a request was, and logs say to which trace it belongs."""

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
from tests.conftest import InProcess
from tests.hostile import INFER

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{CALLER}-01"}


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def make_traced(artefact, exporter):
    """Builds a client of a service whose spans the exporter keeps."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    def make(root_path="", **chosen):
        app = create_app(artefact, Settings(**chosen), tracer_provider=provider)
        return InProcess(app, root_path)

    return make


@pytest.fixture
def traced(make_traced):
    return make_traced()


def picture():
    image = Image.new("L", (40, 40), 255)
    image.paste(0, (18, 5, 22, 35))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("path", "options", "rows"),
    [
        ("/predict", {"json": {"pixels": EXAMPLE_IMAGE}}, 1),
        ("/predict/batch", {"json": {"images": [EXAMPLE_IMAGE] * 5}}, 5),
        ("/predict/picture", {"content": picture(), "headers": {"content-type": "image/png"}}, 1),
        (INFER, {"json": {"inputs": [{"name": "pixels", "shape": [3, 64], "datatype": "FP32", "data": [1] * 192}]}}, 3),
    ],
)
def test_a_prediction_is_one_span_with_its_route_status_and_rows(traced, exporter, path, options, rows):
    assert traced.post(path, **options).status_code == 200
    (span,) = exporter.get_finished_spans()
    assert span.attributes["http.request.method"] == "POST"
    assert path in {span.attributes["http.route"], span.attributes["url.path"]}
    assert span.name == f"POST {span.attributes['http.route']}"
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["digits.rows"] == rows
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
def test_what_is_refused_has_the_status_that_the_client_saw_and_no_rows(traced, exporter, method, path, status, route):
    assert traced.request(method, path, content=b"{}").status_code == status
    (span,) = exporter.get_finished_spans()
    assert span.attributes["http.response.status_code"] == status
    assert span.attributes.get("http.route") == route
    assert "digits.rows" not in span.attributes


def test_no_span_holds_what_was_sent(traced, exporter):
    traced.post("/predict", json={"pixels": [12.34567] * 64})
    (span,) = exporter.get_finished_spans()
    assert "12.34567" not in span.to_json()


@pytest.mark.parametrize(
    "path",
    [
        *("/livez", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"),
        *("/v2/models/digits/ready", "/v2/models/digits/versions/2/ready"),
    ],
)
def test_probes_and_scrapes_are_not_traced(make_traced, exporter, path):
    assert make_traced().get(path).status_code == 200
    assert make_traced(root_path="/digits").get(f"/digits{path}").status_code == 200
    assert exporter.get_finished_spans() == ()


def test_other_addresses_that_end_like_a_probe_are_traced(traced, exporter):
    traced.get("/somewhere/ready")
    assert len(exporter.get_finished_spans()) == 1


def test_a_span_is_the_child_of_its_callers_and_the_log_names_both_ids(make_traced, exporter, caplog):
    caplog.set_level("INFO", "digits")
    headers = {**TRACEPARENT, "x-request-id": "mine"}
    make_traced(access_log=True).get("/v2", headers=headers)
    (span,) = exporter.get_finished_spans()
    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == CALLER
    (record,) = caplog.records
    assert (record.request_id, record.trace_id) == ("mine", TRACE)
    assert record.span_id == f"{span.context.span_id:016x}"
    assert span.attributes["digits.request_id"] == "mine"


def test_without_tracing_the_log_still_names_the_callers_trace(make_client, caplog):
    caplog.set_level("INFO", "digits")
    make_client(access_log=True).get("/v2", headers=TRACEPARENT)
    (record,) = caplog.records
    assert (record.trace_id, record.span_id) == (TRACE, CALLER)


@pytest.mark.parametrize(
    "value", ["", "00-0-0-01", "nonsense", f"00-{'0' * 32}-{CALLER}-01", "é".encode(), b"\xff", "x" * 9000]
)
def test_what_is_no_trace_context_is_not_logged(make_client, caplog, value):
    caplog.set_level("INFO", "digits")
    reply = make_client(access_log=True).get("/v2", headers={"traceparent": value})
    assert reply.status_code == 200
    (record,) = [record for record in caplog.records if record.name == "digits"]
    assert not hasattr(record, "trace_id")


def test_a_failure_is_logged_with_its_trace(make_traced, exporter, caplog):
    caplog.set_level(logging.ERROR, "digits")
    client = make_traced()

    @client.app.get("/crash")
    async def crash():
        raise RuntimeError

    assert client.get("/crash", headers=TRACEPARENT).status_code == 500
    (record,) = caplog.records
    assert record.trace_id == TRACE
    (span,) = exporter.get_finished_spans()
    assert span.attributes["http.response.status_code"] == 500


def test_when_nothing_is_traced_a_prediction_runs_no_code_of_opentelemetry(make_client):
    """Every call of one prediction is looked at: none may be of OpenTelemetry, or of our use of it."""
    client, called = make_client(), []

    def look(frame, event, _):
        if event == "call" and (
            "opentelemetry" in frame.f_code.co_filename or "app/observability/tracing" in frame.f_code.co_filename
        ):
            called.append(frame.f_code.co_qualname)

    sys.setprofile(look)
    try:
        client.post("/predict", json={"pixels": EXAMPLE_IMAGE})
    finally:
        sys.setprofile(None)
    assert called == []
