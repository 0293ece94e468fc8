"""Hostile requests to a real service get their errors, and the memory of the service does not grow."""

import json
import sys

import httpx
import pytest

from app.api.schemas import EXAMPLE_IMAGE
from tests.e2e.server import peak_memory_bytes, running_workers
from tests.hostile import BINARY, CODINGS, HEADER, INFER, MESSAGES, message, tensor


def hostile_requests():
    """List body, headers and expected status of every hostile request."""
    for body, _ in MESSAGES.values():
        yield body if isinstance(body, bytes) else json.dumps(body).encode(), {}, 400
    for body, header_length, _ in BINARY.values():
        yield body, {} if header_length is None else {HEADER: str(header_length)}, 400
    for body, coding, status, _ in CODINGS.values():
        yield body, {"Content-Encoding": coding}, status


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads memory from /proc")
@pytest.mark.parametrize("worker_count", [1, 2])
def test_hostile_requests_need_little_more_memory_than_a_large_batch(worker_count):
    with running_workers(worker_count) as server, httpx.Client(base_url=server.url, timeout=30) as http:
        pids = server.worker_pids() or {server.process.pid}
        large_batch = json.dumps(message(tensor(shape=[1024, 64], data=EXAMPLE_IMAGE * 1024)))
        assert {http.post(INFER, content=large_batch).status_code for _ in range(8)} == {200}
        before = max(map(peak_memory_bytes, pids))
        for _ in range(4):
            for body, headers, status in hostile_requests():
                assert http.post(INFER, content=body, headers=headers).status_code == status
        after = max(map(peak_memory_bytes, pids))
        assert http.get("/v2/health/ready").status_code == 200
    assert after - before < 24 * 1024 * 1024  # half of a decompressed bomb
