"""Preparation of a serving process."""

import subprocess
import sys

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.api.schemas import EXAMPLE_IMAGE
from app.observability.shared_counters import create_shared_counters
from app.process.worker import create_app_with_counter_fallback
from app.settings import Settings
from tests.conftest import ROOT, InProcess


def test_worker_without_room_in_shared_counters_serves_with_its_own_counters(artefact, caplog):
    spans, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    shared_counters = create_shared_counters(counters_per_slot=10)
    client = InProcess(create_app_with_counter_fallback(artefact, Settings(), lambda: True, shared_counters, provider))
    assert client.post("/predict", json={"pixels": EXAMPLE_IMAGE}).json()["digit"] == 3
    assert client.get("/readyz").status_code == 503
    assert client.get("/metrics").json()["service"]["predictions"][3] == 1
    assert [span.name for span in spans.get_finished_spans()] == ["POST /predict"]
    (record,) = caplog.records
    assert record.getMessage().startswith("this worker counts for itself: A slot has 10 counters; ")


# Prepares a worker as uvicorn does, and prints what the preparation has tuned.
PREPARE_WORKER = """
import asyncio, ctypes, gc
from types import SimpleNamespace
from app.main import create_service_counters
from app.settings import Settings
from app.process.drain import SPAWN, DrainState
from app.process.worker import create_worker_app
from model import load_artefact
import uvicorn

settings = Settings()
weights = SPAWN.RawArray(ctypes.c_char, load_artefact(settings.weights).data)

limits, trims = [], []

async def prepare():
    ctypes.CDLL = lambda _: SimpleNamespace(mallopt=lambda *limit: limits.append(limit), malloc_trim=trims.append)
    server = uvicorn.Server(uvicorn.Config(None))
    with server.capture_signals():
        create_worker_app(weights, settings, DrainState(), create_service_counters(settings))

asyncio.run(prepare())
print(gc.get_freeze_count(), gc.get_threshold()[0], len(limits), len(trims))
"""


def test_worker_freezes_the_garbage_collector_and_limits_and_trims_its_heap():
    command = [sys.executable, "-c", PREPARE_WORKER]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    frozen_objects, threshold, heap_limits, trims = map(int, output.split())
    assert frozen_objects > 10_000
    assert threshold == 10_000
    assert (heap_limits, trims) == (2, 1)
