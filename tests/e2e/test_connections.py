"""Every client gets its answer, however it sends its request and ends its connection."""

import json
import os
import re
import socket
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.process.lingering import MAX_CHECKS, MAX_DISCARDED_BYTES, SECONDS_BETWEEN_CHECKS
from tests.e2e.server import incomplete_request, poll_until, running, service_metrics
from tests.json_endpoints import VALID_BODIES
from tests.machine import skip_without_proc

pytestmark = pytest.mark.e2e

MEGABYTE = bytes(1_000_000)
PREDICT_BODY = VALID_BODIES["/predict"]
UPGRADE = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
LIVEZ = b"GET /livez HTTP/1.1\r\nhost: digits\r\n\r\n"


@pytest.fixture(scope="module")
def server():
    with running() as server:
        yield server


def post(body, path="/predict", headers="", version="1.1", *, is_chunked=False):
    """Build the bytes of a POST request."""
    framing = "transfer-encoding: chunked" if is_chunked else f"content-length: {len(body)}"
    content = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if is_chunked else body
    return f"POST {path} HTTP/{version}\r\nhost: digits\r\n{headers}{framing}\r\n\r\n".encode() + content


def receive_all(connection):
    """Receive everything until the service closes the connection."""
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


def statuses(received):
    """Return the statuses of the answers in a received stream."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


def exchange(server, *pieces):
    """Send the pieces of a stream, end the sending side, and return everything that the service sends."""
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        return receive_all(connection)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize(
    ("path", "content_type", "status"),
    [
        ("/nothing", "application/json", 404),
        ("/livez", "application/json", 405),
        ("/predict", "application/json", 413),
        ("/predict", "text/html", 413),
        ("/v2/models/digits/infer", "application/json", 413),
        ("/v2/models/other/infer", "application/json", 413),
        ("/predict/picture", "image/heic", 413),
        ("/predict/picture", "image/png", 413),
    ],
)
def test_answer_before_the_body_was_read_arrives_although_the_connection_closes(
    server, path, content_type, status, is_chunked, version
):
    if is_chunked and version == "1.0":
        return
    body = MEGABYTE * 9
    request = post(body, path, f"connection: close\r\ncontent-type: {content_type}\r\n", version, is_chunked=is_chunked)
    with server.connect() as connection:
        connection.sendall(request)  # raises if the service resets the connection
        (received,) = statuses(receive_all(connection))
    assert received in ({status, 404, 415} if is_chunked else {status})


@pytest.mark.parametrize(
    ("start", "status"),
    [(b"\x16\x03\x01", 400), (b"GET /livez HTTP/1.1\r\nhost: digits\r\nx: ", 431), (b"BREW / HTCPCP/1.0\r\n", 400)],
)
def test_answer_to_bytes_that_are_not_a_request_arrives(server, start, status):
    with server.connect() as connection:
        connection.sendall(start + b"x" * 3_000_000)
        assert statuses(receive_all(connection)) == [status]


def test_connection_whose_client_never_stops_sending_is_closed(server):
    with server.connect() as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nx: ")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            connection.sendall(b"x" * (MAX_DISCARDED_BYTES + 16 * 1024 * 1024))


def test_bytes_behind_a_request_that_are_no_request_do_not_replace_its_answer(server):
    for garbage in (b"\0" * 3_000_000, LIVEZ[:-4] + b"x" * 3_000_000):
        with server.connect() as connection:
            connection.sendall(post(PREDICT_BODY) + garbage)
            received = receive_all(connection)
        assert statuses(received) == [200]
        assert b"connection: close" in received


def test_invalid_chunk_of_a_body_is_answered_at_once(server):
    with server.connect() as connection:
        connection.sendall(post(b"{", is_chunked=True).removesuffix(b"0\r\n\r\n") + b"not a chunk\r\n")
        assert statuses(receive_all(connection)) == [400]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (LIVEZ, 200),
        (LIVEZ.replace(b"1.1", b"1.0"), 200),
        (post(PREDICT_BODY), 200),
        (post(PREDICT_BODY, is_chunked=True), 200),
        (post(PREDICT_BODY, headers="connection: close\r\n"), 200),
        (post(VALID_BODIES["/predict/batch"], "/predict/batch"), 200),
        (post(b"{}"), 422),
        (post(b"no picture", "/predict/picture"), 422),
    ],
)
def test_client_that_ends_its_sending_side_after_its_request_gets_the_answer(server, request_bytes, status):
    for pieces in ([request_bytes], [request_bytes[:20], request_bytes[20:]]):
        received = exchange(server, *pieces)
        assert statuses(received) == [status]
    assert statuses(exchange(server, LIVEZ + request_bytes)) == [200, status]


def test_client_that_ends_its_sending_side_within_its_request_gets_no_answer(server):
    assert exchange(server, incomplete_request()) == b""
    assert exchange(server, LIVEZ[:-4]) == b""
    assert exchange(server) == b""


def test_request_of_a_client_that_has_left_is_served(server):
    before = service_metrics(server.url)["predictions"][3]
    with server.connect() as connection:
        connection.sendall(post(PREDICT_BODY))
    poll_until(lambda: service_metrics(server.url)["predictions"][3] == before + 1)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 900), max_size=6), st.booleans(), st.booleans(), st.integers(0, 3))
def test_offer_to_upgrade_is_ignored_however_the_request_is_delivered(server, cuts, is_chunked, has_body, followers):
    offer = post(PREDICT_BODY, headers=UPGRADE, is_chunked=is_chunked)
    if not has_body:
        offer = LIVEZ.replace(b"\r\n\r\n", f"\r\n{UPGRADE}\r\n".encode())
    stream = offer + (post(PREDICT_BODY) + offer + LIVEZ) * followers
    received = exchange(server, *(stream[start:end] for start, end in pairwise([0, *sorted(cuts), len(stream)])))
    assert statuses(received) == [200] * (1 + 3 * followers)
    assert received.count(b'"digit":3') == has_body * (1 + followers) + followers


def test_body_behind_an_offer_to_upgrade_is_never_parsed_as_a_request(server):
    received = exchange(server, post(LIVEZ * 3, headers=UPGRADE))
    assert statuses(received) == [422]


def test_thousands_of_offers_in_one_piece_are_all_answered(server):
    offer = LIVEZ.replace(b"\r\n\r\n", b"\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
    assert statuses(exchange(server, offer * 3000)) == [200] * 3000


def test_request_for_a_tunnel_is_rejected(server):
    for target in (b"digits:80", b"/livez"):
        assert statuses(exchange(server, b"CONNECT %b HTTP/1.1\r\nhost: digits\r\n\r\n" % target + LIVEZ)) == [400]


@pytest.mark.parametrize("hosts", ["", "host: a\r\nhost: b\r\n", "host: a\r\nhost: a\r\n"])
def test_request_without_exactly_one_host_gets_a_400(server, hosts):
    received = exchange(server, f"GET /livez HTTP/1.1\r\n{hosts}\r\n".encode())
    assert statuses(received) == [400]
    assert json.loads(received.partition(b"\r\n\r\n")[2])["detail"] == "A request must have one Host header."


def open_files(pid):
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident_bytes(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@skip_without_proc()
def test_thousand_connections_that_never_end_their_bodies_cost_little_and_are_gone_within_seconds():
    request = post(bytes(9_000_000), "/predict/picture", "connection: close\r\n")[:100_000]
    with running() as server, ExitStack() as stack:
        pid = server.process.pid
        files_before, bytes_before = open_files(pid), resident_bytes(pid)
        connections = [stack.enter_context(server.connect()) for _ in range(1000)]
        for connection in connections:
            connection.sendall(request)
        assert [statuses(receive_all(connection)) for connection in connections] == [[413]] * 1000
        assert open_files(pid) > files_before + 900
        assert resident_bytes(pid) - bytes_before < 128 * 1024 * 1024
        poll_until(lambda: open_files(pid) <= files_before + 5, SECONDS_BETWEEN_CHECKS * (MAX_CHECKS + 1))
