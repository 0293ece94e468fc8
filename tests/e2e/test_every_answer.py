"""Real clients and proxies receive every answer, even if it is sent before the body of the request is read."""

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import product

import pytest

from app.api.schemas import EXAMPLE_IMAGE
from tests.conftest import ROOT
from tests.e2e.proxies import running_haproxy, running_nginx
from tests.e2e.server import HTTP, poll_until, running, running_workers
from tests.machine import skip_without

pytestmark = [pytest.mark.e2e, pytest.mark.clients]

REPEATS = 20
BODY_BYTES = (512 * 1024, 3_000_000, 9_000_000)
JSON = "application/json"
# Status → path, media type and bytes of an additional header of a request that gets this status.
REQUESTS = {
    404: ("/nothing", JSON, 0),
    405: ("/livez", JSON, 0),
    413: ("/predict", JSON, 0),
    415: ("/predict/picture", "image/heic", 0),
    431: ("/predict", JSON, 66_000),
    503: ("/predict/picture", "image/png", 0),
}
# The proxies themselves reject such a large head, with the status 400.
REQUESTS_OF_PROXIES = {status: request for status, request in REQUESTS.items() if status != 431}
LIMITS = {"max_body_bytes": 1024, "max_picture_bytes": 10 * 1024 * 1024}
BUSY = {"max_pictures_in_flight": 1, "body_timeout_seconds": 300}
# A client that is told to continue has a place among the pictures in flight, and keeps it.
INCOMPLETE_PICTURE = (
    b"POST /predict/picture HTTP/1.1\r\nhost: digits\r\ncontent-type: image/png\r\ncontent-length: 100\r\n"
    b"expect: 100-continue\r\n\r\n"
)

PROGRAMS = ROOT / "tests" / "e2e" / "clients"


def client(name, *command):
    """Create the parameter for a client: its command, skipped on a machine without the program."""
    return pytest.param(command, id=name, marks=skip_without(command[0]))


def python_client(name):
    """Create the parameter for a client of `python_clients.py`."""
    return client(name, sys.executable, PROGRAMS / "python_clients.py", name)


def curl(name):
    """Create the parameter for curl with some options."""
    return pytest.param(*python_client(name).values, id=name, marks=skip_without("curl"))


def java(body):
    """Create the parameter for Java's client, with one of the kinds of bodies of `Statuses.java`."""
    command = ("java", PROGRAMS / "Statuses.java", body)
    return pytest.param(command, id=f"Java with {body}s", marks=skip_without("java", "javac"))  # compiles the program


CLIENTS_THAT_OFFER_UPGRADES = [curl("curl --http2"), java("string"), java("stream")]
CLIENTS = [
    *map(python_client, ("urllib", "urllib in chunks", "requests", "httpx", "httpx with one connection")),
    *map(curl, ("curl", "curl -0", "curl in chunks")),
    client("fetch of Node", "node", PROGRAMS / "fetch.mjs"),
    client("http of Node", "node", PROGRAMS / "http.mjs"),
    *CLIENTS_THAT_OFFER_UPGRADES,
]
PROXIES = [
    pytest.param(running_nginx, id="nginx", marks=skip_without("nginx")),
    pytest.param(running_haproxy, id="HAProxy", marks=skip_without("haproxy")),
]


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def worker_count(request):
    return request.param


@pytest.fixture(scope="module")
def service(worker_count):
    """A service that accepts pictures of every size of `BODY_BYTES`, but no such JSON."""
    with running_workers(worker_count, **LIMITS) as server:
        yield server


@pytest.fixture(scope="module")
def limited_service(worker_count):
    """A service with one place for a picture in each worker."""
    with running_workers(worker_count, **LIMITS, **BUSY) as server:
        yield server


@pytest.fixture
def busy_service(limited_service, worker_count):
    """A service that answers each further picture with a 503."""
    with ExitStack() as connections:
        admitted = 0

        def are_all_places_taken():
            nonlocal admitted
            connection = connections.enter_context(limited_service.connect())
            connection.sendall(INCOMPLETE_PICTURE)
            admitted += connection.recv(1024).startswith(b"HTTP/1.1 100")
            return admitted == worker_count

        poll_until(are_all_places_taken)
        yield limited_service


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    """Files with the bodies, by their size in bytes."""
    folder = tmp_path_factory.mktemp("bodies")
    for size in BODY_BYTES:
        (folder / str(size)).write_bytes(b"x" * size)
    return {size: folder / str(size) for size in BODY_BYTES}


def run_client(command, lines):
    """Send requests with a client; return its output lines. Format of all lines: `clients/README.md`."""
    process = subprocess.run(command, input="".join(lines), stdout=subprocess.PIPE, text=True, check=True, timeout=120)
    return process.stdout.splitlines()


def outcome(line):
    """Shorten an output line of a client to the status, unless the client has not received the whole answer."""
    status, _, body = line.partition(" ")
    try:
        is_complete = not body or json.loads(body)["status"] == int(status)
        return int(status) if is_complete else line
    except (KeyError, TypeError, ValueError):
        return line


def count_outcomes(command, urls, requests, bodies, process_count):
    """Send each kind of request `REPEATS` times.

    Args:
        command: Command of a client.
        urls: URL of the service for each status.
        requests: Kinds of requests, in the form of `REQUESTS`.
        bodies: Files with the bodies, by their size.
        process_count: Number of processes of the client that run at the same time and share the requests.
    Returns:
        (Expected status, size of the body) → outcome → number of requests.
    """
    kinds = [kind for kind in product(requests, bodies) for _ in range(REPEATS // process_count)]
    lines = []
    for status, size in kinds:
        path, media_type, filler_bytes = requests[status]
        lines.append(f"{urls[status]}{path}\t{media_type}\t{filler_bytes}\t{bodies[size]}\n")
    with ThreadPoolExecutor(process_count) as pool:
        outputs = list(pool.map(lambda _: run_client(command, lines), range(process_count)))
    counts: dict[tuple[int, int], Counter[int | str]] = {kind: Counter() for kind in kinds}
    for output in outputs:
        for kind, line in zip(kinds, output, strict=True):
            counts[kind][outcome(line)] += 1
    return counts


def every_status(requests, bodies):
    """The result of `count_outcomes` if every client receives every answer."""
    return {(status, size): {status: REPEATS} for status, size in product(requests, bodies)}


@pytest.mark.parametrize("client", CLIENTS)
def test_client_receives_every_status(client, service, busy_service, bodies, worker_count):
    urls = dict.fromkeys(REQUESTS, service.url) | {503: busy_service.url}
    assert count_outcomes(client, urls, REQUESTS, bodies, worker_count) == every_status(REQUESTS, bodies)


@pytest.mark.parametrize("start_proxy", PROXIES)
def test_client_of_a_proxy_receives_every_status(start_proxy, service, busy_service, bodies, worker_count, tmp_path):
    (busy_folder := tmp_path / "busy").mkdir()
    httpx_client = python_client("httpx").values[0]
    with start_proxy(tmp_path, service) as url, start_proxy(busy_folder, busy_service) as busy_url:
        urls = dict.fromkeys(REQUESTS_OF_PROXIES, url) | {503: busy_url}
        counts = count_outcomes(httpx_client, urls, REQUESTS_OF_PROXIES, bodies, worker_count)
    assert counts == every_status(REQUESTS_OF_PROXIES, bodies)


@skip_without("nginx")
def test_nginx_answers_everyone_after_oversized_uploads(tmp_path):
    with running(**LIMITS) as one, running(**LIMITS) as other, running_nginx(tmp_path, one, other) as url:
        uploads = [HTTP.post(f"{url}/predict", content=bytes(9_000_000)).status_code for _ in range(3)]
        predictions = [HTTP.post(f"{url}/predict", json={"pixels": EXAMPLE_IMAGE}).status_code for _ in range(REPEATS)]
    assert Counter(uploads) == {413: 3}
    assert Counter(predictions) == {200: REPEATS}


@pytest.mark.parametrize("client", CLIENTS_THAT_OFFER_UPGRADES)
def test_client_that_offers_an_upgrade_receives_predictions(client, service, tmp_path):
    file = tmp_path / "image.json"
    file.write_text(json.dumps({"pixels": EXAMPLE_IMAGE}))
    answers = run_client(client, [f"{service.url}/predict\t{JSON}\t0\t{file}\n"] * REPEATS)
    assert len(answers) == REPEATS
    for answer in answers:
        status, _, body = answer.partition(" ")
        assert status == "200", answer
        assert json.loads(body)["digit"] == 3
