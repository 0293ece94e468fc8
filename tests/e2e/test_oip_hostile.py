"""Hostile requests to the real service: the same refusals, and nothing that piles up."""

import json
import sys

import httpx
import pytest

from app.api.schemas import EXAMPLE_IMAGE
from tests.e2e.server import peak_bytes, running, wait_for_both_workers
from tests.hostile import BINARY, CODINGS, HEADER, INFER, MESSAGES, message, tensor


def hostile_requests():
    """Body, headers and status of each."""
    for body, _ in MESSAGES.values():
        yield body if isinstance(body, bytes) else json.dumps(body).encode(), {}, 400
    for body, length, _ in BINARY.values():
        yield body, {} if length is None else {HEADER: str(length)}, 400
    for body, coding, status, _ in CODINGS.values():
        yield body, {"Content-Encoding": coding}, status


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads memory from /proc")
@pytest.mark.parametrize("workers", [1, 2])
def test_hostile_requests_cost_no_more_memory_than_a_large_batch(workers):
    with running("--workers", str(workers)) as server, httpx.Client(base_url=server.url, timeout=30) as http:
        if workers > 1:
            wait_for_both_workers(server.url)
        processes = server.workers() or {server.process.pid}
        sound = json.dumps(message(tensor(shape=[1024, 64], data=EXAMPLE_IMAGE * 1024)))
        assert {http.post(INFER, content=sound).status_code for _ in range(8)} == {200}
        before = max(map(peak_bytes, processes))
        for _ in range(4):
            for body, headers, status in hostile_requests():
                assert http.post(INFER, content=body, headers=headers).status_code == status
        after = max(map(peak_bytes, processes))
        assert http.get("/v2/health/ready").status_code == 200
    assert after - before < 24 * 1024 * 1024  # half of what the bombs hold
