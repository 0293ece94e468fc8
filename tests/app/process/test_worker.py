"""What a process does before it serves."""

import subprocess
import sys
from types import SimpleNamespace

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.api.schemas import EXAMPLE_IMAGE
from app.observability.shared_counters import create_shared_counters
from app.process.tuning import set_heap_limits
from app.process.worker import create_counting_app
from app.settings import Settings
from tests.conftest import ROOT, InProcess


def test_a_worker_for_which_there_is_no_room_serves_all_the_same(artefact, caplog):
    spans, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    counters = create_shared_counters(counters_per_slot=10)
    client = InProcess(create_counting_app(artefact, Settings(), lambda: True, counters, provider))
    assert client.post("/predict", json={"pixels": EXAMPLE_IMAGE}).json()["digit"] == 3
    assert client.get("/readyz").status_code == 503
    assert client.get("/metrics").json()["service"]["predictions"][3] == 1
    assert [span.name for span in spans.get_finished_spans()] == ["POST /predict"]
    (record,) = caplog.records
    assert record.getMessage().startswith("this worker counts for itself: A slot has 10 counters; ")


PREPARED = """
import asyncio, ctypes, gc
from types import SimpleNamespace
from app.main import service_counters
from app.settings import Settings
from app.process.drain import DrainState
from app.process.worker import create_worker_app
from model import load_artefact
import uvicorn

settings = Settings()
artefact = load_artefact(settings.weights)

limits = []

async def prepare():
    ctypes.CDLL = lambda _: SimpleNamespace(mallopt=lambda *limit: limits.append(limit))
    server = uvicorn.Server(uvicorn.Config(None))
    with server.capture_signals():
        create_worker_app(lambda: artefact, settings, DrainState(), service_counters(settings))

asyncio.run(prepare())
print(gc.get_freeze_count(), gc.get_threshold()[0], len(limits))
"""


def test_a_worker_freezes_the_garbage_collector_and_limits_its_heap():
    command = [sys.executable, "-c", PREPARED]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    frozen, threshold, heap_limits = printed.split()
    assert int(frozen) > 10_000
    assert int(threshold) == 10_000
    assert int(heap_limits) == 2


def test_the_heap_gives_large_blocks_back_and_keeps_what_a_batch_takes(monkeypatch):
    set_to = {}
    libc = SimpleNamespace(mallopt=set_to.__setitem__)
    monkeypatch.setattr("ctypes.CDLL", lambda _: libc)
    set_heap_limits()
    assert set_to == {-1: 8 * 2**20, -3: 2**20}  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD in malloc.h


def test_where_there_is_no_such_allocator_nothing_is_bounded(monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", lambda _: SimpleNamespace())
    set_heap_limits()
