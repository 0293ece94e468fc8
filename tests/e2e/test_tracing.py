"""Spans reach a collector over HTTP, and the service also works with a collector that does not answer."""

import socket
import time
from contextlib import contextmanager

import httpx
import pytest

from app.api.schemas import EXAMPLE_IMAGE
from app.observability.exporter import FLUSH_TIMEOUT_SECONDS
from tests.e2e.collector import running_collector
from tests.e2e.server import HTTP, running, running_workers

pytestmark = pytest.mark.e2e

REQUEST_COUNT = 25


@pytest.fixture
def collector():
    with running_collector() as collector:
        yield collector


def attributes(span):
    return {entry.key: entry.value.string_value or entry.value.int_value for entry in span.attributes}


def test_every_request_has_a_span_and_a_log_line_with_its_trace_id(monkeypatch, collector):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "digits-in-a-test")
    with running_workers(2, access_log=True) as server:
        for number in range(REQUEST_COUNT):
            headers = {"x-request-id": f"number-{number}"}
            body = {"pixels": EXAMPLE_IMAGE}
            assert HTTP.post(f"{server.url}/predict", json=body, headers=headers).status_code == 200
        assert server.stop() == 0  # sends the spans that still wait
    service_names = {
        entry.value.string_value
        for resource in collector.resources
        for entry in resource.resource.attributes
        if entry.key == "service.name"
    }
    assert service_names == {"digits-in-a-test"}
    spans = collector.spans()
    assert [span.name for span in spans] == ["POST /predict"] * REQUEST_COUNT
    assert all(attributes(span)["digits.rows"] == 1 for span in spans)
    assert all(attributes(span)["http.response.status_code"] == 200 for span in spans)
    request_ids = {line["trace_id"]: line["request_id"] for line in server.log if line.get("route") == "/predict"}
    assert request_ids.keys() == {span.trace_id.hex() for span in spans}
    assert sorted(request_ids.values()) == sorted(f"number-{number}" for number in range(REQUEST_COUNT))


@contextmanager
def refused_connections():
    """Provide a URL whose port is closed."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def unanswered_requests():
    """Provide a URL whose port accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("failure", [refused_connections, unanswered_requests])
def test_service_answers_and_stops_in_time_when_the_collector_fails(monkeypatch, failure):
    with failure() as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8")
        with running() as server, httpx.Client(base_url=server.url) as http:
            for _ in range(30):  # more spans than one batch; sending a batch may take ten seconds
                assert http.post("/predict", json={"pixels": EXAMPLE_IMAGE}).status_code == 200
            start = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - start < FLUSH_TIMEOUT_SECONDS + 10
        assert not [line for line in server.log if "exc_info" in line]


# A module `sitecustomize` that makes the package look as if it were not installed.
HIDE_SDK = """
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name == "opentelemetry.sdk" else find(name, *rest)
"""


def test_service_without_packages_for_tracing_answers_and_logs_a_warning(monkeypatch, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(HIDE_SDK)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    with running() as server:
        assert HTTP.post(f"{server.url}/predict", json={"pixels": EXAMPLE_IMAGE}).status_code == 200
        assert server.stop() == 0
        assert [line["message"] for line in server.log] == [
            "no traces are sent: the packages of requirements/tracing.txt are not installed",
            "stopped",
        ]


def test_hostile_headers_and_requests_write_nothing_into_the_log(monkeypatch, collector):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with running() as server:
        for headers in (
            {"traceparent": "x" * 1000},
            {"traceparent": parent, "tracestate": "Jane Doe"},
            {"traceparent": parent, "baggage": "=;;,"},
            {"connection": "upgrade", "upgrade": "websocket"},
        ):
            assert HTTP.get(f"{server.url}/v2?{'Jane-Doe' * 99}", headers=headers).status_code == 200
        with server.connect() as connection:
            connection.sendall(b"Jane Doe\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 400")
        assert server.stop() == 0
        assert [line["message"] for line in server.log] == ["stopped"]
