"""Traces go where the standard variables say, and only there."""

import asyncio
import os
import subprocess
import sys
import threading
import time

import pytest
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
def no_variables(monkeypatch):
    for name in os.environ:
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)


def set_up():
    """What the service does when it starts."""
    return exporter.create_tracer_provider("1.2.3")


def warning(caplog):
    """The one thing that the service says."""
    (record,) = [record for record in caplog.records if record.name == "digits"]
    return record.getMessage()


@pytest.fixture
def set_up_by_another_library(monkeypatch):
    provider = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return provider


def test_nothing_is_traced_unless_somebody_says_so(caplog):
    assert set_up() is None
    assert not caplog.records


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
@pytest.mark.parametrize("address", [COLLECTOR, "https://127.0.0.1:4318", "HTTP://127.0.0.1:4318"])
def test_a_variable_that_names_a_collector_is_enough(monkeypatch, caplog, name, address):
    monkeypatch.setenv(name, address)
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "OTLP")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    assert set_up() is not None
    assert not caplog.records


def test_of_two_variables_the_one_for_traces_counts(monkeypatch, caplog):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", COLLECTOR)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf")
    assert set_up() is not None
    assert not caplog.records


def test_what_another_library_has_set_up_is_used_as_it_is(monkeypatch, set_up_by_another_library):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")  # is its affair
    assert set_up() is set_up_by_another_library
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    assert set_up() is set_up_by_another_library


@pytest.mark.usefixtures("set_up_by_another_library")
@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_SDK_DISABLED", "true"), ("OTEL_SDK_DISABLED", "True"), ("OTEL_TRACES_EXPORTER", "none")]
)
def test_tracing_can_be_switched_off_whoever_set_it_up(monkeypatch, caplog, name, value):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)
    monkeypatch.setenv(name, value)
    assert set_up() is None
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
def test_an_obstacle_is_named_and_the_service_goes_on_without(monkeypatch, caplog, name, value, reason):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)
    monkeypatch.setenv(name, value)
    assert set_up() is None
    assert reason in warning(caplog)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "abc"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "-1"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5000"),
    ],
)
def test_a_value_that_cannot_be_is_named_and_the_service_goes_on_without(monkeypatch, caplog, name, value):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)
    monkeypatch.setenv(name, value)
    assert set_up() is None
    assert warning(caplog).startswith("no traces are sent: ")


def test_who_has_set_tracing_up_gets_each_span_once(artefact, monkeypatch, set_up_by_another_library):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)
    spans = InMemorySpanExporter()
    set_up_by_another_library.add_span_processor(SimpleSpanProcessor(spans))
    app = create_app(artefact, Settings(), tracer_provider=set_up())
    InProcess(app).get("/v2")
    assert len(spans.get_finished_spans()) == 1


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"OTEL_PROPAGATORS": "none"}, "OTEL_PROPAGATORS must name one"),
        ({"OTEL_PYTHON_TRACER_PROVIDER": "nonsense"}, "StopIteration()"),
    ],
)
def test_what_would_make_every_request_fail_is_said_at_the_start(variables, reason):
    code = "from app.observability import exporter; print(exporter.create_tracer_provider('1'))"
    environment = {**variables, "OTEL_EXPORTER_OTLP_ENDPOINT": COLLECTOR}
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "None\n"
    assert f"no traces are sent: {reason}" in ran.stderr


@pytest.mark.parametrize("module", ["opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"])
def test_packages_that_are_missing_are_named(monkeypatch, caplog, module):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)
    for name in list(sys.modules):
        if name.startswith(module):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)  # cannot be imported
    assert set_up() is None
    assert warning(caplog).endswith("the packages of requirements/tracing.txt are not installed")


def test_the_service_has_a_name_and_its_spans_a_bound(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)
    span = set_up().get_tracer("test").start_span("x", attributes={"url.path": "a" * 9999})
    assert span.resource.attributes["service.name"] == "digits"
    assert span.resource.attributes["service.version"] == "1.2.3"
    assert len(span.attributes["url.path"]) == exporter.MAX_ATTRIBUTE_LENGTH


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_SERVICE_NAME", "mine"), ("OTEL_RESOURCE_ATTRIBUTES", "service.name=mine,team=a")]
)
def test_the_environment_can_say_otherwise(monkeypatch, name, value):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3")
    span = set_up().get_tracer("test").start_span("x", attributes={"url.path": "abcdef"})
    assert span.resource.attributes["service.name"] == "mine"
    assert span.attributes["url.path"] == "abc"


class Sink:
    """A provider whose collector never answers."""

    def __init__(self):
        self.was_asked = threading.Event()
        self.answers = threading.Event()

    def force_flush(self):
        self.was_asked.set()
        self.answers.wait(30)


def live_through(artefact, provider):
    """Start an application and end it; how long the end took, seconds."""

    async def live():
        app = create_app(artefact, Settings(), tracer_provider=provider)
        async with app.router.lifespan_context(app):
            pass

    start = time.monotonic()
    asyncio.run(live())
    return time.monotonic() - start


def test_the_end_waits_for_the_last_spans_but_not_for_ever(artefact, monkeypatch):
    monkeypatch.setattr(exporter, "FLUSH_TIMEOUT_SECONDS", 0.2)
    sink = Sink()
    assert live_through(artefact, sink) < 5
    assert sink.was_asked.is_set()
    monkeypatch.setattr(exporter, "FLUSH_TIMEOUT_SECONDS", 60)
    timer = threading.Timer(0.3, sink.answers.set)
    timer.start()
    assert live_through(artefact, sink) < 5
    assert sink.answers.is_set()  # it was waited for
    timer.join()
    assert live_through(artefact, trace.NoOpTracerProvider()) < 5  # has nothing to flush
