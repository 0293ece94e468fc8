"""Hostile requests to a real service get their errors, and the memory of the service does not grow."""

import json

import httpx
import pytest

from app.api.schemas import EXAMPLE_IMAGE
from tests.e2e.server import peak_memory_bytes, running
from tests.hostile import BINARY, CODINGS, HEADER, INFER, MESSAGES, message, tensor
from tests.machine import skip_without_proc

pytestmark = pytest.mark.e2e


def hostile_requests():
    """List body, headers and expected status of every hostile request."""
    for body, _ in MESSAGES.values():
        yield body if isinstance(body, bytes) else json.dumps(body).encode(), {}, 400
    for body, header_length, _ in BINARY.values():
        yield body, {} if header_length is None else {HEADER: str(header_length)}, 400
    for body, coding, status, _ in CODINGS.values():
        yield body, {"Content-Encoding": coding}, status


@skip_without_proc()  # reads the peak of memory
def test_hostile_requests_need_little_more_memory_than_a_large_batch():
    with running() as server, httpx.Client(base_url=server.url, timeout=30) as http:
        large_batch = json.dumps(message(tensor(shape=[1024, 64], data=EXAMPLE_IMAGE * 1024)))
        assert {http.post(INFER, content=large_batch).status_code for _ in range(8)} == {200}
        before = peak_memory_bytes(server.process.pid)
        for _ in range(2):
            for body, headers, status in hostile_requests():
                assert http.post(INFER, content=body, headers=headers).status_code == status
        after = peak_memory_bytes(server.process.pid)
        assert http.get("/v2/health/ready").status_code == 200
    assert after - before < 24 * 1024 * 1024  # half of a decompressed bomb
