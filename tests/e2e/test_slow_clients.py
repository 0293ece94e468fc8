"""A real server closes the connections of clients that are too slow or too many, and answers the others."""

import json
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from app.api.schemas import EXAMPLE_IMAGE
from app.process.connection_limits import MAX_EXCESS_CONNECTIONS
from tests.e2e.server import (
    incomplete_request,
    poll_until,
    receive_all,
    request_status,
    running,
    running_workers,
    statuses,
)
from tests.machine import skip_without_proc

pytestmark = pytest.mark.e2e

GET = b"GET /livez HTTP/1.1\r\nhost: digits\r\n\r\n"
DEADLINES = {"head_timeout_seconds": 0.3, "body_timeout_seconds": 0.4, "keep_alive_seconds": 1}
BATCH = json.dumps({"images": [EXAMPLE_IMAGE] * 1024}).encode()
BATCH_REQUEST = b"POST /predict/batch HTTP/1.1\r\nhost: digits\r\ncontent-length: %d\r\n\r\n%b" % (len(BATCH), BATCH)


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def service(request):
    with running_workers(request.param, **DEADLINES) as server:
        yield server


# What the client sends → the statuses that it gets before the service closes the connection.
SLOW_CLIENTS = {
    b"": [],
    GET[:9]: [408],
    GET: [200],
    GET + GET[:9]: [200, 408],
    incomplete_request(): [408],
    incomplete_request("/predict/batch"): [408],
    incomplete_request("/predict/picture"): [408],
    incomplete_request("/v2/models/digits/infer"): [408],
    incomplete_request("/v2/repository/index"): [408],
    incomplete_request("/nothing"): [404],
}


def test_connections_of_slow_clients_are_closed_after_an_answer_and_others_are_served(service):
    with ExitStack() as connections, httpx.Client(base_url=service.url) as good_client:
        slow = [connections.enter_context(service.connect()) for _ in SLOW_CLIENTS]
        for connection, sent in zip(slow, SLOW_CLIENTS, strict=True):
            connection.sendall(sent)
        for connection, expected in zip(slow, SLOW_CLIENTS.values(), strict=True):
            assert statuses(receive_all(connection)) == expected
            assert good_client.post("/predict", json={"pixels": EXAMPLE_IMAGE}).json()["digit"] == 3


def test_client_that_never_reads_is_disconnected(service):
    # Without the limit, `sendall` would fail with a `TimeoutError`.
    with service.connect() as connection, pytest.raises(ConnectionError):
        send_for_ever(connection)


def send_for_ever(connection):
    while True:
        connection.sendall(BATCH_REQUEST)


@skip_without_proc()
def test_worker_accepts_connections_from_eight_copies_of_the_listening_socket(service):
    pids = service.worker_pids() or {service.process.pid}
    poll_until(lambda: [most_copies_of_a_socket(pid) for pid in pids] == [8] * len(pids))  # a worker may still start


def most_copies_of_a_socket(pid):
    """Return the number of open files of a process that are the same socket."""
    files = [str(file.resolve()) for file in Path(f"/proc/{pid}/fd").iterdir()]
    return max(Counter(name for name in files if "socket:" in name).values(), default=0)


def test_only_probes_are_answered_above_the_limit_of_connections():
    with running(max_connections=2, head_timeout_seconds=300) as server, ExitStack() as connections:

        def connect():
            return connections.enter_context(server.connect())

        def is_status(status, method, path):
            return request_status(method, f"{server.url}{path}") == status

        first, second = connect(), connect()
        for connection in (first, second):
            connection.sendall(GET)
            assert statuses(connection.recv(1024)) == [200]
        assert is_status(200, "GET", "/readyz")
        assert is_status(503, "POST", "/predict")
        excess = [connect() for _ in range(MAX_EXCESS_CONNECTIONS + 1)]
        assert is_status(None, "GET", "/livez")
        poll_until(lambda: is_status(200, "GET", "/livez"))  # because idle connections were closed
        assert not any(map(receive_all, excess[:-1]))
        first.close()
        poll_until(lambda: is_status(422, "POST", "/predict"))
