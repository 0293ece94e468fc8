"""One serving process: its preparation, the exchange of its application, and its regular tasks."""

import asyncio
import gc
import signal
import subprocess
import sys
import weakref

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.api.schemas import EXAMPLE_IMAGE
from app.observability.shared_counters import create_shared_counters
from app.process import worker as worker_module
from app.process.service_state import create_service_state, create_worker_link
from app.process.worker import Worker
from app.settings import Settings
from model import parse_artefact
from tests.artefacts import second_artefact
from tests.conftest import ROOT, InProcess

PIXELS = {"pixels": EXAMPLE_IMAGE}  # a 3, and for the second artefact a 6


@pytest.fixture(autouse=True)
def collector():
    """Undo the effects of a reload on the garbage collector of this process."""
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


@pytest.fixture
def second(artefact, tmp_path):
    """Another valid artefact, in the file `second.npz` of the test's folder."""
    return second_artefact(tmp_path / "second.npz", artefact)


@pytest.fixture
def state(artefact, tmp_path):
    """State of a service that serves the released weights, and reloads the file `second.npz`."""
    return create_service_state(artefact, Settings(drain_seconds=300, weights=tmp_path / "second.npz"), b"")


@pytest.fixture
def link():
    return create_worker_link()


@pytest.fixture
def worker(state, link):
    return Worker(state, link)


def test_worker_without_room_in_shared_counters_serves_with_its_own_counters(state, link, second, monkeypatch, caplog):
    spans, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(worker_module, "create_tracer_provider", lambda _: provider)
    state.drain.begin()
    worker = Worker(state._replace(counters=create_shared_counters(counters_per_slot=10)), link)
    client = InProcess(worker)
    assert client.post("/predict", json=PIXELS).json()["digit"] == 3
    assert client.get("/readyz").status_code == 503
    assert client.get("/metrics").json()["service"]["predictions"][3] == 1
    assert [span.name for span in spans.get_finished_spans()] == ["POST /predict"]
    (record,) = caplog.records
    assert record.getMessage().startswith("this worker counts for itself: A slot has 10 counters; ")
    state.artefact.publish(second.data)
    asyncio.run(worker.tick())
    assert client.get("/metrics").json()["service"]["predictions"][3] == 1
    assert caplog.records == [record]


def test_published_artefact_changes_answers_metrics_and_versions_together_and_counters_go_on(worker, state, second):
    client = InProcess(worker)
    for digit, version, others in ((3, "3", "second"), (6, "second", "3")):
        assert client.post("/predict", json=PIXELS).json()["digit"] == digit
        assert client.get("/metrics").json()["model"]["version"] == version
        assert client.get("/v2/models/digits").json()["versions"] == [version]
        assert client.get(f"/v2/models/digits/versions/{version}/ready").status_code == 200
        assert client.get(f"/v2/models/digits/versions/{others}/ready").status_code == 404
        if digit == 3:
            state.artefact.publish(second.data)
            asyncio.run(worker.tick())
    assert client.get("/metrics").json()["model"]["sha256"] == second.sha256
    service = client.get("/metrics").json()["service"]
    assert service["predictions"] == [0, 0, 0, 1, 0, 0, 1, 0, 0, 0]
    assert (service["workers"], service["worker_starts"], service["requests_in_flight"]) == (1, 1, 1)


def test_published_keys_are_used_from_the_next_tick_on_without_other_weights(worker, state):
    client, key = InProcess(worker), {"X-API-Key": "published"}
    assert client.post("/predict", json=PIXELS).status_code == 200
    for keys, statuses in ((b"published", [200, 401]), (b"another", [401, 401])):
        state.keys.publish(keys)
        asyncio.run(worker.tick())
        assert [client.post("/predict", json=PIXELS, headers=headers).status_code for headers in (key, {})] == statuses


def test_request_sees_one_network_from_its_start_to_its_end(worker, state, second):
    async def body():
        yield b'{"pixels":'
        state.artefact.publish(second.data)
        await worker.tick()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(worker), base_url="http://digits") as other:
            assert (await other.post("/predict", json=PIXELS)).json()["digit"] == 6
        yield f"{EXAMPLE_IMAGE}}}".encode()

    async def send():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(worker), base_url="http://digits") as client:
            return await client.post("/predict", content=body(), headers={"content-type": "application/json"})

    assert asyncio.run(send()).json()["digit"] == 3


def test_requested_reload_reads_the_file_and_the_next_ticks_use_it(worker, state, second):
    async def reload():
        worker.handle_sighup()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(worker), base_url="http://digits") as client:
            while (await client.post("/predict", json=PIXELS)).json()["digit"] == 3:
                await worker.tick()

    asyncio.run(asyncio.wait_for(reload(), 30))
    assert state.artefact.read()[1] == second.data


def test_networks_before_the_last_reload_are_freed_although_they_have_answered_all_kinds_of_requests(
    state, link, second, monkeypatch
):
    created: list[weakref.ref[object]] = []

    def parse_and_record(*arguments):
        artefact = parse_artefact(*arguments)
        created.append(weakref.ref(artefact.network.weights.W1))
        return artefact

    monkeypatch.setattr(worker_module, "parse_artefact", parse_and_record)
    client = InProcess(worker := Worker(state, link))
    for _ in range(3):
        for method, path in (("POST", "/predict/picture"), ("GET", "/v2/models/digits"), ("GET", "/metrics")):
            client.request(method, path)
        client.post("/predict", json=PIXELS)
        state.artefact.publish(second.data)
        asyncio.run(worker.tick())
    # In the service, the lifespan keeps the first one too.
    assert [reference() is None for reference in created] == [True, True, True, False]


def test_no_application_is_exchanged_during_the_drain(worker, state, second):
    state.drain.begin()
    state.artefact.publish(second.data)
    worker.handle_sighup()
    asyncio.run(worker.tick())
    assert InProcess(worker).post("/predict", json=PIXELS).json()["digit"] == 3
    assert state.counters.model_loads.tolist() == [1, 0]


def test_worker_trims_its_heap_every_two_seconds(worker, link, monkeypatch):
    trims: list[int] = []
    monkeypatch.setattr(worker_module, "trim_heap", lambda: trims.append(link.heartbeats.value))
    for _ in range(50):
        asyncio.run(worker.tick())
    assert trims == [20, 40]


def test_worker_stops_when_the_drain_is_over_or_the_supervisor_retires_it(worker, state, link):
    assert asyncio.run(worker.tick()) is False
    link.must_retire.value = True
    assert asyncio.run(worker.tick()) is True
    link.must_retire.value = False
    state.drain.handle_signal(signal.SIGINT)
    assert asyncio.run(worker.tick()) is True
    assert link.heartbeats.value == 3


# Prepares a worker and prints what the preparation has tuned, in place of the server.
PREPARE_WORKER = """
import ctypes, gc
from pathlib import Path
from types import SimpleNamespace
from app.process import server
from app.process.service_state import create_service_state, create_worker_link
from app.process.listener import listen
from app.settings import Settings
from model import load_artefact

gc.disable()  # as the command line does
limits = []
ctypes.CDLL = lambda _: SimpleNamespace(mallopt=lambda *limit: limits.append(limit))
server.GracefulServer.run = lambda *_: print(gc.get_freeze_count(), gc.get_threshold()[0], len(limits), gc.isenabled())
settings = Settings()
state = create_service_state(load_artefact(settings.weights), settings, b"")
server.run_worker(state, listen("127.0.0.1", 0), create_worker_link())
"""


def test_worker_freezes_the_garbage_collector_and_limits_its_heap():
    command = [sys.executable, "-c", PREPARE_WORKER]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    *numbers, is_enabled = output.split()
    frozen_objects, threshold, heap_limits = map(int, numbers)
    assert frozen_objects > 10_000
    assert threshold == 10_000
    assert heap_limits == 3
    assert is_enabled == "True"
