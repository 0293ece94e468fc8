"""What a process does before it serves."""

import subprocess
import sys
from types import SimpleNamespace

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app import exporter
from app.memory import bound_heap
from app.metrics.board import new_board
from app.schemas import EXAMPLE_IMAGE
from app.settings import Settings
from app.worker import counting_app
from tests.conftest import ROOT, InProcess


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


PREPARED = """
import asyncio, ctypes, gc, sys
from types import SimpleNamespace
from app.main import service_board
from app.settings import Settings
from app.worker import Lifecycle, worker_app
from model import load_artefact

settings = Settings()
artefact = load_artefact(settings.weights)

bounds = []

async def prepare():
    ctypes.CDLL = lambda _: SimpleNamespace(mallopt=lambda *bound: bounds.append(bound))
    worker_app(lambda: artefact, settings, Lifecycle(), service_board(settings))

asyncio.run(prepare())
print(gc.get_freeze_count(), gc.get_threshold()[0], "pydantic.v1.main" in sys.modules, len(bounds))
"""


def test_a_worker_spares_the_collector_bounds_its_heap_and_loads_no_old_pydantic():
    command = [sys.executable, "-c", PREPARED]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    frozen, threshold, has_old_pydantic, bounds = printed.split()
    assert int(frozen) > 10_000
    assert int(threshold) == 10_000
    assert has_old_pydantic == "False"
    assert int(bounds) == 2


def test_the_heap_gives_large_blocks_back_and_keeps_what_a_batch_takes(monkeypatch):
    set_to = {}
    libc = SimpleNamespace(mallopt=set_to.__setitem__)
    monkeypatch.setattr("ctypes.CDLL", lambda _: libc)
    bound_heap()
    assert set_to == {-1: 8 * 2**20, -3: 2**20}  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD in malloc.h


def test_where_there_is_no_such_allocator_nothing_is_bounded(monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", lambda _: SimpleNamespace())
    bound_heap()
