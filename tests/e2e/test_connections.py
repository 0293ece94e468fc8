"""Every client gets its answer, however it sends its request and ends its connection."""

import json
import os
import socket
import struct
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.process.http_protocol import MAX_CHUNKS
from app.process.lingering import MAX_DISCARDED_BYTES
from tests.e2e.server import incomplete_request, poll_until, receive_all, running, service_metrics, statuses
from tests.hostile import INFER
from tests.json_endpoints import VALID_BODIES
from tests.machine import skip_without_proc

pytestmark = pytest.mark.e2e

MEGABYTE = bytes(1_000_000)
PREDICT_BODY = VALID_BODIES["/predict"]
RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # value of SO_LINGER
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


WITHOUT_CHUNKS = post(b"", is_chunked=True).removesuffix(b"0\r\n\r\n" * 2)


def exchange(server, *pieces):
    """Send the pieces of a stream, end the sending side, and return everything that the service sends."""
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        return receive_all(connection)


@pytest.mark.parametrize(("version", "is_chunked"), [("1.0", False), ("1.1", False), ("1.1", True)])
@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/nothing", "", 404),
        ("/livez", "", 405),
        ("/predict", "", 413),
        ("/v2/models/digits/infer", "", 413),
        ("/v2/models/other/repository/index", "", 404),
        ("/predict/picture", "content-type: image/png\r\n", 413),
        ("/predict/picture", f"x: {'x' * 66_000}\r\n", 431),
        ("/predict", "content-encoding: br\r\n", 413),
    ],
)
def test_answer_before_the_body_was_read_arrives_although_the_connection_closes(
    server, path, headers, status, is_chunked, version
):
    request = post(MEGABYTE * 9, path, f"connection: close\r\n{headers}", version, is_chunked=is_chunked)
    with server.connect() as connection:
        connection.sendall(request)  # raises an error if the service resets the connection
        received = receive_all(connection)
    assert statuses(received) == [415 if is_chunked and "br" in headers else status]


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


@pytest.mark.parametrize("requests", [1, 3])
@pytest.mark.parametrize(
    "garbage", [b"\0" * 3_000_000, LIVEZ[:-4] + b"x" * 3_000_000, WITHOUT_CHUNKS + b"not a chunk\r\n" * 100_000]
)
def test_bytes_behind_requests_that_are_no_request_replace_no_answer(server, requests, garbage):
    with server.connect() as connection:
        connection.sendall(post(PREDICT_BODY) * requests + garbage)
        received = receive_all(connection)
    assert statuses(received) == [200] * requests
    assert received.count(b"connection: close") == 1


@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/predict/picture", INFER])
def test_body_in_too_many_chunks_gets_a_413_although_the_client_sends_it_all(server, path):
    with server.connect() as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nhost: digits\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        connection.sendall(b"1\r\n \r\n" * (MAX_CHUNKS + 1000))
        received = receive_all(connection)
    assert statuses(received) == [413]
    assert b"at most 65536 chunks" in received


def test_invalid_chunk_of_a_body_is_answered_at_once(server):
    with server.connect() as connection:
        connection.sendall(WITHOUT_CHUNKS + b"not a chunk\r\n")
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


def test_client_that_ends_its_sending_side_within_its_request_gets_no_answer_to_it(server):
    assert exchange(server, incomplete_request()) == b""
    assert statuses(exchange(server, post(PREDICT_BODY) * 2 + incomplete_request())) == [200, 200]
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


@pytest.mark.parametrize("trailer", [b"host: other", b"content-encoding: gzip", b"content-type: text/html"])
def test_trailer_of_a_body_is_no_header_of_the_request(server, trailer):
    request = post(PREDICT_BODY, is_chunked=True).removesuffix(b"\r\n") + trailer + b"\r\n\r\n"
    assert statuses(exchange(server, request)) == [200]


def test_connection_closes_after_its_keep_alive_time_although_the_rest_of_an_answered_body_arrives():
    request = post(MEGABYTE, "/nothing")
    with running(keep_alive_seconds=1) as server, server.connect() as connection:
        connection.sendall(request[:500_000])
        received = connection.recv(65536)
        connection.sendall(request[500_000:])
        assert statuses(received + receive_all(connection)) == [404]


def test_clients_that_leave_while_several_of_their_requests_wait_are_not_logged():
    pictures = post(bytes(100), "/predict/picture", "content-type: image/png\r\n")
    with running() as server:
        for stream in (pictures * 3, post(PREDICT_BODY) * 3, post(PREDICT_BODY) + incomplete_request()):
            for _ in range(10):
                connection = server.connect()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
                connection.sendall(stream)
                connection.close()
        poll_until(lambda: service_metrics(server.url)["requests_in_flight"] == 1)  # the request for the metrics
        assert server.stop() == 0
        assert [line["message"] for line in server.log] == ["stopped"]


def open_files(pid):
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident_bytes(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@skip_without_proc()
def test_thousand_connections_that_never_end_their_bodies_cost_little_and_are_gone_within_seconds():
    request = post(bytes(9_000_000), "/predict/picture", "connection: close\r\n")[:100_000]
    with running(max_connections=1100) as server, ExitStack() as stack:
        pid = server.process.pid
        files_before, bytes_before = open_files(pid), resident_bytes(pid)
        for _ in range(1000):
            connection = stack.enter_context(server.connect())
            connection.sendall(request)
            assert statuses(receive_all(connection)) == [413]
        assert open_files(pid) > files_before + 900
        assert resident_bytes(pid) - bytes_before < 40 * 1024 * 1024
        poll_until(lambda: open_files(pid) <= files_before + 5)
