"""Hostile requests to the real service: the same refusals, and nothing that piles up."""

import json
import sys

import httpx
import pytest

from tests.e2e.server import peak_bytes, running, wait_for_both_workers
from tests.hostile import BINARY, CODINGS, HEADER, INFER, MESSAGES


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
def test_hostile_requests_are_refused_over_and_over_without_growth(workers):
    with running("--workers", str(workers)) as server, httpx.Client(base_url=server.url, timeout=30) as http:
        if workers > 1:
            wait_for_both_workers(server.url)
        processes = server.workers() or {server.process.pid}
        peaks = []
        for _ in range(4):
            for body, headers, status in hostile_requests():
                assert http.post(INFER, content=body, headers=headers).status_code == status
            peaks.append(max(map(peak_bytes, processes)))
        assert http.get("/v2/health/ready").status_code == 200
    assert peaks[-1] < 256 * 1024 * 1024
    assert peaks[-1] - peaks[1] < 16 * 1024 * 1024
