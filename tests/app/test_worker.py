"""What a process does before it serves."""

import gc

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app import exporter
from app.memory import spare_collector
from app.metrics.board import new_board
from app.schemas import EXAMPLE_IMAGE
from app.settings import Settings
from app.worker import counting_app
from tests.conftest import InProcess


def test_a_worker_for_which_there_is_no_room_serves_all_the_same(artefact, caplog, monkeypatch):
    spans, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(exporter, "tracer_provider", lambda _: provider)
    client = InProcess(counting_app(artefact, Settings(), lambda: True, new_board(cells=10)))
    assert client.post("/predict", json={"pixels": EXAMPLE_IMAGE}).json()["digit"] == 3
    assert client.get("/readyz").status_code == 503
    assert client.get("/metrics").json()["service"]["predictions"][3] == 1
    assert [span.name for span in spans.get_finished_spans()] == ["POST /predict"]
    (record,) = caplog.records
    assert record.getMessage().startswith("this worker counts for itself: A lane has 10 cells; ")


def test_the_collector_leaves_alone_what_start_up_made():
    thresholds = gc.get_threshold()
    try:
        spare_collector()
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold()[0] == 10_000
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
