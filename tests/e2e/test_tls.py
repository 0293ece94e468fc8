"""A service with a certificate speaks HTTPS only, and serves, limits and stops its clients as without TLS."""

import json
import os
import signal
import socket
import ssl
import struct
import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from app.api.schemas import EXAMPLE_IMAGE
from app.process.connection_limits import MAX_EXCESS_CONNECTIONS
from app.process.lingering import MAX_DISCARDED_BYTES
from tests.e2e.server import (
    AUTHORITY,
    LIVENESS_PROBE,
    TRUST,
    incomplete_request,
    poll_until,
    probe_liveness,
    receive_all,
    running,
    running_workers,
    statuses,
    write_certificate,
)
from tests.machine import skip_without, skip_without_proc

pytestmark = [pytest.mark.e2e, pytest.mark.clients]

CLOSE = LIVENESS_PROBE.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
BATCH = json.dumps({"images": [EXAMPLE_IMAGE] * 1024}).encode()
BATCH_REQUEST = b"POST /predict/batch HTTP/1.1\r\nhost: digits\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (
    *(len(BATCH), BATCH),
)
RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # value of SO_LINGER
ANY_CERTIFICATE = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
ANY_CERTIFICATE.check_hostname = False
ANY_CERTIFICATE.verify_mode = ssl.CERT_NONE


def client_hello():
    """Create the first bytes that a client of TLS sends."""
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        ANY_CERTIFICATE.wrap_bio(received, sent).do_handshake()
    return sent.read()


HELLO = client_hello()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Settings with a certificate of an intermediate authority, of which the clients know the root only."""
    return write_certificate(tmp_path_factory.mktemp("certificate"), AUTHORITY.create_child_ca())


@pytest.fixture(scope="module")
def service(certificate):
    with running(head_timeout_seconds=1, **certificate) as server:
        yield server
        assert server.stop() == 0
        assert [line["message"] for line in server.finish_log()] == ["stopped"]  # clients caused no other line


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_client_that_knows_the_root_is_served_by_tls_1_2_and_later(service, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    AUTHORITY.configure_trust(context)
    context.minimum_version = context.maximum_version = version
    with service.connect_by_tls(context) as connection:
        assert connection.version() == version.name.replace("_", ".")
        assert statuses(probe_liveness(connection)) == [200]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_client_of_tls_1_1_is_rejected(service):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    AUTHORITY.configure_trust(context)
    context.set_ciphers("ALL:@SECLEVEL=0")  # otherwise this client would not even try
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        service.connect_by_tls(context)


def test_client_that_does_not_know_the_authority_rejects_the_certificate(service):
    with pytest.raises(ssl.SSLCertVerificationError):
        service.connect_by_tls(ssl.create_default_context())


def test_requests_on_one_connection_are_answered_in_order(service):
    with httpx.Client(base_url=service.url, verify=TRUST) as client:
        for _ in range(3):
            assert client.post("/predict", json={"pixels": EXAMPLE_IMAGE}).json()["digit"] == 3
    with service.connect_by_tls() as connection:
        connection.sendall(LIVENESS_PROBE * 3 + b"GET /nothing HTTP/1.1\r\nhost: digits\r\n\r\n" + CLOSE)
        assert statuses(receive_all(connection)) == [200, 200, 200, 404, 200]


def test_redirect_leads_to_https(service):
    reply = httpx.get(f"{service.url}/livez/", verify=TRUST)
    assert (reply.status_code, reply.headers["location"]) == (307, f"{service.url}/livez")


@skip_without("curl")
@pytest.mark.parametrize("option", ["--tlsv1.2", "--tlsv1.3"])
def test_curl_is_served(service, tmp_path, option):
    AUTHORITY.cert_pem.write_to_path(root := tmp_path / "root.pem")
    command = ["curl", "--silent", "--show-error", "--cacert", root, option, f"{service.url}/livez"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout) == {"status": "live"}


@pytest.mark.parametrize("sent", [LIVENESS_PROBE, b"\0" * 1000, b"\x16\x03\x01\xff\xff" + b"x" * 1000])
def test_bytes_that_are_not_tls_get_no_answer_and_the_connection_closes(service, sent):
    with service.connect() as connection:
        connection.sendall(sent)
        with suppress(ConnectionResetError):
            assert statuses(receive_all(connection)) == []


@pytest.mark.parametrize("sent", [b"", HELLO[: len(HELLO) // 2], HELLO], ids=["nothing", "half", "no further message"])
def test_handshake_has_the_time_limit_of_a_head(service, sent):
    with service.connect() as connection:
        connection.sendall(sent)
        connection.settimeout(5)
        receive_all(connection)  # would raise a `TimeoutError`
    with service.connect_by_tls() as connection:
        assert statuses(probe_liveness(connection)) == [200]


@pytest.mark.parametrize("sent", [b"", LIVENESS_PROBE[:9]], ids=["nothing", "half a head"])
def test_head_has_a_time_limit_after_the_handshake(service, sent):
    with service.connect_by_tls() as connection:
        connection.settimeout(5)
        connection.sendall(sent)
        assert statuses(receive_all(connection)) == ([408] if sent else [])


def test_client_receives_an_early_answer_although_it_still_sends(service):
    head = b"POST /nothing HTTP/1.1\r\nhost: digits\r\nconnection: close\r\ncontent-length: 30000000\r\n\r\n"
    for sent, status in ((head, 404), (head.replace(b"/nothing", b"/predict"), 413), (b"no request\r\n", 400)):
        with service.connect_by_tls() as connection:
            connection.sendall(sent + bytes(30_000_000))
            assert statuses(receive_all(connection)) == [status]


def test_connection_whose_client_never_stops_sending_is_closed(service):
    with service.connect_by_tls() as connection:
        connection.sendall(b"no request\r\n")
        with pytest.raises((ConnectionError, ssl.SSLError)):
            connection.sendall(b"x" * (MAX_DISCARDED_BYTES + 16 * 1024 * 1024))


def test_client_that_reads_slowly_receives_the_whole_answer_before_the_connection_closes(service):
    with service.connect_by_tls() as connection:
        connection.sendall(BATCH_REQUEST)
        head, _, body = connection.recv(4096).partition(b"\r\n\r\n")
        while part := connection.recv(4096):
            body += part
    assert statuses(head) == [200]
    assert len(json.loads(body)["predictions"]) == 1024


STREAMS = {
    "nothing": b"",
    "request": LIVENESS_PROBE,
    "half a head": LIVENESS_PROBE[:9],
    "part of a body": incomplete_request(),
    "request with a large answer": BATCH_REQUEST,
    "no request": b"no request\r\n" + bytes(99_999),
}


def abort(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)


def end_tls(connection):
    with suppress(ssl.SSLError):  # an answer may arrive first
        connection.unwrap()


def end_sending(connection):
    socket.socket.shutdown(connection, socket.SHUT_WR)


def send_without_tls(connection):
    os.write(connection.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))


ENDS = {
    "close": lambda _: None,
    "abort": abort,
    "end of TLS": end_tls,
    "end of TCP": end_sending,
    "noise": send_without_tls,
}


@skip_without_proc()
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("sent", STREAMS.values(), ids=STREAMS)
def test_connection_that_a_client_ends_in_any_way_is_closed(service, sent, end):
    assert_no_file_stays_open(service, service.connect_by_tls, sent, end)


def assert_no_file_stays_open(server, connect, sent, end):
    """Let clients connect, send and end; wait until the service has as few open files as before."""
    descriptors = Path(f"/proc/{server.process.pid}/fd")
    open_files = len(list(descriptors.iterdir()))
    for _ in range(3):
        with connect() as connection:
            connection.sendall(sent)
            end(connection)
    poll_until(lambda: len(list(descriptors.iterdir())) <= open_files)


@skip_without_proc()
@pytest.mark.parametrize("end", [lambda _: None, abort, lambda connection: connection.shutdown(socket.SHUT_WR)])
@pytest.mark.parametrize("sent", [b"", HELLO[:99], HELLO], ids=["nothing", "part", "hello"])
def test_handshake_that_a_client_ends_in_any_way_is_closed(service, sent, end):
    assert_no_file_stays_open(service, service.connect, sent, end)


def test_handshake_counts_as_a_connection(certificate):
    with running(max_connections=1, **certificate) as server, ExitStack() as connections:
        connections.enter_context(server.connect())
        with server.connect_by_tls() as connection:
            connection.sendall(LIVENESS_PROBE + CLOSE.replace(b"/livez", b"/metrics"))
            assert statuses(receive_all(connection)) == [200, 503]
        for _ in range(MAX_EXCESS_CONNECTIONS):
            connections.enter_context(server.connect())
        with server.connect() as connection:
            assert connection.recv(1) == b""


@pytest.mark.parametrize("worker_count", [1, 2])
def test_service_stops_after_an_answer_to_every_client_and_waits_for_no_idle_one(certificate, worker_count):
    with running_workers(worker_count, **certificate) as server, ExitStack() as connections:
        idle, busy = (connections.enter_context(server.connect_by_tls()) for _ in range(2))
        silent, late = (connections.enter_context(server.connect()) for _ in range(2))
        probe_liveness(idle)
        busy.sendall(incomplete_request())
        server.process.send_signal(signal.SIGTERM)
        with TRUST.wrap_socket(late, server_hostname="127.0.0.1") as secured:
            assert statuses(probe_liveness(secured)) == [200]
        assert receive_all(idle) == receive_all(silent) == b""
        busy.sendall(b" " * 204)
        assert statuses(receive_all(busy)) == [422]
        assert server.process.wait(5) == 0
        assert [line["message"] for line in server.finish_log()] == ["stopped"]
