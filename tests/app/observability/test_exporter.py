"""The standard `OTEL_*` variables decide whether and where spans are sent."""

import asyncio
import os
import subprocess
import sys
import threading
import time

import pytest
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.main import create_app
from app.observability import exporter
from app.settings import Settings
from tests.conftest import ROOT, InProcess

COLLECTOR = "http://127.0.0.1:4318"


@pytest.fixture(autouse=True)
def _unset_variables(monkeypatch):
    for name in os.environ:
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)


def create_provider():
    """Create the provider as the service does when it starts."""
    return exporter.create_tracer_provider("1.2.3")


def logged_warning(caplog):
    """The only message that the service has logged."""
    (record,) = [record for record in caplog.records if record.name == "digits"]
    return record.getMessage()


@pytest.fixture
def provider_of_another_library(monkeypatch):
    """A provider that another library has set up in this process."""
    provider = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return provider


def test_tracing_is_off_by_default(caplog):
    assert create_provider() is None
    assert not caplog.records


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
@pytest.mark.parametrize("url", [COLLECTOR, "https://127.0.0.1:4318", "HTTP://127.0.0.1:4318"])
def test_variable_with_url_of_collector_turns_tracing_on(monkeypatch, caplog, name, url):
    monkeypatch.setenv(name, url)
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "OTLP")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    assert create_provider() is not None
    assert not caplog.records


def test_variable_for_traces_overrides_the_general_variable(monkeypatch, caplog):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", COLLECTOR)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf")
    assert create_provider() is not None
    assert not caplog.records


def test_provider_of_another_library_is_used_unchanged(monkeypatch, provider_of_another_library):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")  # only the other library uses this variable
    assert create_provider() is provider_of_another_library
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    assert create_provider() is provider_of_another_library


@pytest.mark.usefixtures("provider_of_another_library")
@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_SDK_DISABLED", "true"), ("OTEL_SDK_DISABLED", "True"), ("OTEL_TRACES_EXPORTER", "none")]
)
def test_variable_turns_tracing_off_although_another_library_set_it_up(monkeypatch, caplog, name, value):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)
    monkeypatch.setenv(name, value)
    assert create_provider() is None
    assert not caplog.records


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1:4318", "must be an http or https address"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "must be http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "must be http/protobuf"),
        ("OTEL_TRACES_EXPORTER", "console", "must be otlp or none"),
    ],
)
def test_unsupported_variable_turns_tracing_off_with_a_warning(monkeypatch, caplog, name, value, reason):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)
    monkeypatch.setenv(name, value)
    assert create_provider() is None
    assert reason in logged_warning(caplog)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "abc"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "-1"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5000"),
    ],
)
def test_invalid_limit_turns_tracing_off_with_a_warning(monkeypatch, caplog, name, value):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)
    monkeypatch.setenv(name, value)
    assert create_provider() is None
    assert logged_warning(caplog).startswith("no traces are sent: ")


def test_provider_of_another_library_receives_each_span_once(artefact, monkeypatch, provider_of_another_library):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)
    spans = InMemorySpanExporter()
    provider_of_another_library.add_span_processor(SimpleSpanProcessor(spans))
    app = create_app(artefact, Settings(), tracer_provider=create_provider())
    InProcess(app).get("/v2")
    assert len(spans.get_finished_spans()) == 1


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"OTEL_PROPAGATORS": "none"}, "OTEL_PROPAGATORS must name one"),
        ({"OTEL_PYTHON_TRACER_PROVIDER": "nonsense"}, "StopIteration()"),
    ],
)
def test_variable_that_would_break_every_request_turns_tracing_off_at_the_start(variables, reason):
    code = "from app.observability import exporter; print(exporter.create_tracer_provider('1'))"
    environment = {**variables, "OTEL_EXPORTER_OTLP_ENDPOINT": COLLECTOR}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout == "None\n"
    assert f"no traces are sent: {reason}" in result.stderr


@pytest.mark.parametrize("module", ["opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"])
def test_missing_packages_turn_tracing_off_with_a_warning(monkeypatch, caplog, module):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)
    for name in list(sys.modules):
        if name.startswith(module):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)  # makes an import of the module fail
    assert create_provider() is None
    assert logged_warning(caplog).endswith("the packages of requirements/tracing.txt are not installed")


def test_spans_have_name_and_version_of_the_service_and_attributes_of_limited_length(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)
    span = create_provider().get_tracer("test").start_span("x", attributes={"url.path": "a" * 9999})
    assert span.resource.attributes["service.name"] == "digits"
    assert span.resource.attributes["service.version"] == "1.2.3"
    assert len(span.attributes["url.path"]) == exporter.MAX_ATTRIBUTE_LENGTH


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_SERVICE_NAME", "mine"), ("OTEL_RESOURCE_ATTRIBUTES", "service.name=mine,team=a")]
)
def test_variables_override_name_of_the_service_and_length_of_attributes(monkeypatch, name, value):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3")
    span = create_provider().get_tracer("test").start_span("x", attributes={"url.path": "abcdef"})
    assert span.resource.attributes["service.name"] == "mine"
    assert span.attributes["url.path"] == "abc"


class UnresponsiveProvider(trace.NoOpTracerProvider):
    """A provider whose flush waits for a collector, 30 seconds at most.

    Attributes:
        flush_started: Is set when the service flushes the spans.
        collector_answered: Ends the flush when a test sets it.
    """

    def __init__(self):
        self.flush_started = threading.Event()
        self.collector_answered = threading.Event()

    def force_flush(self):
        self.flush_started.set()
        self.collector_answered.wait(30)


def lifespan_seconds(provider, timeout_seconds):
    """Start an application and shut it down; return the duration of both, in seconds."""

    async def start_and_shut_down():
        async with exporter.flush_at_shutdown(provider, timeout_seconds)(FastAPI()):
            start = time.monotonic()
        return time.monotonic() - start

    return asyncio.run(start_and_shut_down())


def test_shutdown_waits_for_a_collector_that_does_not_answer_within_a_time_limit():
    provider = UnresponsiveProvider()
    assert 0.2 <= lifespan_seconds(provider, timeout_seconds=0.2) < 5
    assert provider.flush_started.is_set()
    provider.collector_answered.set()


def test_shutdown_waits_until_the_collector_has_the_last_spans():
    provider = UnresponsiveProvider()
    collector = threading.Timer(0.3, provider.collector_answered.set)
    collector.start()
    assert 0.2 < lifespan_seconds(provider, timeout_seconds=30) < 5
    collector.join()


def test_shutdown_does_not_wait_for_a_provider_that_has_no_spans_to_send():
    assert lifespan_seconds(trace.NoOpTracerProvider(), timeout_seconds=30) < 5
