"""Keys of a real service: new keys without a restart, and no key in a log line or a span."""

import json
import os
import signal

import httpx
import pytest

from app.api.schemas import EXAMPLE_IMAGE
from tests.artefacts import RELEASED_BYTES
from tests.e2e.collector import running_collector
from tests.e2e.server import HTTP, poll_until, receive_all, running, running_workers, wait_for_both_workers
from tests.hostile import INFER

pytestmark = pytest.mark.e2e

IMAGE = {"pixels": EXAMPLE_IMAGE}
VALID, WRONG = "valid-key-of-this-test", "wrong-key-of-this-test"


def statuses_of(url, key):
    """Return the set of statuses of predictions with a key; each request may reach another worker."""
    return {HTTP.post(f"{url}/predict", json=IMAGE, headers={"X-API-Key": key}).status_code for _ in range(8)}


def test_sighup_replaces_the_keys_in_all_workers_and_an_open_connection_goes_on(tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("first\n")
    weights = tmp_path / "weights.npz"
    weights.write_bytes(RELEASED_BYTES)
    settings = {"api_keys": '["fixed"]', "api_keys_file": keys, "weights": weights}
    with running_workers(2, **settings) as server, httpx.Client() as client:
        workers = server.worker_pids()
        assert client.post(f"{server.url}/predict", json=IMAGE, headers={"X-API-Key": "first"}).status_code == 200
        assert statuses_of(server.url, "second") == {401}
        keys.write_text("second\nthird\n")
        weights.write_bytes(b"damaged")  # must not keep the keys from being replaced
        server.process.send_signal(signal.SIGHUP)
        poll_until(lambda: statuses_of(server.url, "second") == {200} and statuses_of(server.url, "first") == {401})
        assert statuses_of(server.url, "fixed") == statuses_of(server.url, "third") == {200}
        assert client.post(f"{server.url}/predict", json=IMAGE, headers={"X-API-Key": "first"}).status_code == 401
        weights.write_bytes(RELEASED_BYTES)
        keys.write_text("\n")  # as if the disk was full while the file was written
        server.process.send_signal(signal.SIGHUP)
        poll_until(lambda: any("has no keys" in line["message"] for line in server.log))
        assert server.worker_pids() == workers
        replace_a_worker(server)
        assert statuses_of(server.url, "second") == {200}
        assert statuses_of(server.url, "") == {401}
        assert server.stop() == 0
    assert [line["message"] for line in server.log if "eload" in line["message"]] == [
        "keys reloaded",
        f"reload failed: {weights} is not a readable .npz archive",
        f"reload failed: DIGITS_API_KEYS_FILE: {keys} has no keys",
        "reloaded",
    ]


def replace_a_worker(server):
    """Kill a worker, and wait for its successor, which starts with the published keys and reads no file."""
    workers = server.worker_pids()
    os.kill(min(workers), signal.SIGKILL)
    poll_until(lambda: len(server.worker_pids() - workers) == 1)
    wait_for_both_workers(server.url)


def test_no_key_is_in_a_log_line_or_a_span(monkeypatch):
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST", ".*")
    with running_collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        with running(api_keys=json.dumps([VALID]), access_log=True) as server:
            for path in ("/predict", INFER, "/predict/picture", "/metrics", "/livez", "/nothing", "/v2"):
                for headers in (
                    {"X-API-Key": VALID},
                    {"X-API-Key": WRONG},
                    {"Authorization": f"Bearer {VALID}"},
                    {"Authorization": f"Bearer {WRONG}"},
                    {"X-API-Key": VALID, "X-Large": "x" * 70_000},
                ):
                    reply = HTTP.post(f"{server.url}{path}", content=b'{"pixels": [', headers=headers)
                    assert VALID not in str(reply.headers) + reply.text
                    assert WRONG not in str(reply.headers) + reply.text
            with server.connect() as connection:
                connection.sendall(f"GET / HTTP/1.1\r\nx-api-key: {VALID}\r\n{VALID}\r\n\r\n".encode())
                assert VALID.encode() not in receive_all(connection)
            assert server.stop() == 0
        texts = [*map(json.dumps, [server.start, *server.log]), *map(str, collector.spans())]
    assert len(server.log) > 20
    assert len(collector.spans()) == 20  # of the four paths that are traced
    assert not any(VALID in text or WRONG in text for text in texts)
