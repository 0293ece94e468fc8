"""SIGHUP exchanges the network of a running service, and no request is lost."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import groupby

import httpx
import pytest

from app.api.schemas import EXAMPLE_IMAGE
from tests.artefacts import BAD_FILES, RELEASED_BYTES, second_artefact
from tests.e2e.server import HTTP, poll_until, request_status, running_workers

pytestmark = pytest.mark.e2e

PIXELS = {"pixels": EXAMPLE_IMAGE}  # a 3, and for the second artefact a 6


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def server(request, tmp_path_factory):
    """A service whose file of weights is `weights.npz` in its folder."""
    folder = tmp_path_factory.mktemp("weights")
    (folder / "weights.npz").write_bytes(RELEASED_BYTES)
    with running_workers(request.param, weights=folder / "weights.npz") as server:
        server.folder = folder
        yield server
        assert server.stop() == 0


def reload(server):
    """Send SIGHUP, and wait for the log line of the reload; return the line."""
    lines = len(server.log)
    server.process.send_signal(signal.SIGHUP)
    poll_until(lambda: len(server.log) > lines)
    (line,) = server.log[lines:]
    return line


def serve_only(server, sha256):
    """Tell whether the workers report the hash of this network; each request may reach another worker."""
    return all(HTTP.get(f"{server.url}/metrics").json()["model"]["sha256"] == sha256 for _ in range(16))


def replace_weights(server, data):
    """Replace the file of weights as a whole."""
    (server.folder / "new.npz").write_bytes(data)
    (server.folder / "new.npz").replace(server.folder / "weights.npz")


def load_counts(server):
    """Return the numbers of successful and failed loads."""
    text = HTTP.get(f"{server.url}/metrics?format=prometheus").text
    return [
        float(text.partition(f'model_loads_total{{result="{result}"}} ')[2].split()[0])
        for result in ("success", "failure")
    ]


@contextmanager
def continuous_clients(url):
    """Send predictions and readiness probes during the `with` block; yield the digits that each client has received."""
    digits: list[list[int]] = [[] for _ in range(4)]
    is_over = threading.Event()

    def send(received):
        with httpx.Client(timeout=30) as http:
            while not is_over.is_set():
                received.append(http.post(f"{url}/predict", json=PIXELS).raise_for_status().json()["digit"])
                assert request_status("GET", f"{url}/readyz") == 200

    with ThreadPoolExecutor() as executor:
        clients = [executor.submit(send, received) for received in digits]
        try:
            yield digits
        finally:
            is_over.set()
        for client in clients:
            client.result()  # raises the error of a client


def test_reload_exchanges_the_network_under_load_without_another_process(server, artefact):
    workers, (successes, failures) = server.worker_pids(), load_counts(server)
    second = second_artefact(server.folder / "second.npz", artefact)
    with continuous_clients(server.url) as digits:
        poll_until(lambda: all(digits))
        for count, (network, digit) in enumerate([(second, 6), (artefact, 3)], start=1):
            replace_weights(server, network.data)
            line = reload(server)
            assert (line["message"], line["sha256"]) == ("reloaded", network.sha256)
            poll_until(lambda network=network: serve_only(server, network.sha256))
            poll_until(lambda digit=digit: {received[-1] for received in digits} == {digit})
            assert load_counts(server) == [successes + count, failures]
    # Each client keeps its connection, and so its worker, which never returns to a network that was replaced.
    assert [[digit for digit, _ in groupby(received)] for received in digits] == [[3, 6, 3]] * 4
    assert server.worker_pids() == workers


@pytest.mark.parametrize("name", ["missing", "pickle", "FIFO"])
def test_bad_file_is_one_log_line_and_the_old_network_goes_on(server, artefact, name):
    successes, failures = load_counts(server)
    path = server.folder / "weights.npz"
    path.rename(server.folder / "good.npz")
    try:
        BAD_FILES[name](path)
        line = reload(server)
        assert (line["level"], "exc_info" in line) == ("ERROR", False)
        assert line["message"].startswith(f"reload failed: {path} ")
        assert serve_only(server, artefact.sha256)
        assert load_counts(server) == [successes, failures + 1]
        assert not (server.folder / "bomb").exists()  # which the pickle would create
    finally:
        (server.folder / "good.npz").replace(path)
