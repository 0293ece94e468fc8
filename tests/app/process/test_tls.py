"""A certificate or key that cannot be used is named in one sentence, and TLS is off without a certificate."""

import asyncio
import os
import socket
import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import trustme
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from uvicorn.server import ServerState

from app.process.http_protocol import HttpProtocol
from app.process.server import server_config
from app.process.tls import TlsError, TlsProtocol, create_tls_context
from app.settings import Settings
from tests.transports import RecordingTransport

AUTHORITY = trustme.CA()
LEAF, OTHER = AUTHORITY.issue_cert("localhost"), AUTHORITY.issue_cert("localhost")
RSA = AUTHORITY.issue_cert("localhost", key_type=trustme.KeyType.RSA)
CERTIFICATE, KEY = LEAF.cert_chain_pems[0].bytes(), LEAF.private_key_pem.bytes()
WEAK_KEY_BITS = 1024
BODY_BYTES = 700_000  # more than uvloop receives at once
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
NO_CERTIFICATES = "CERT: {certificate} does not contain certificates in PEM format"
NO_KEY = "KEY: {key} does not contain a private key in PEM format"
OTHER_KEY = "KEY: {key} does not belong to the certificate"
ENCRYPTED = "KEY: {key} is encrypted"


def write_key(key, encoding, form=serialization.PrivateFormat.PKCS8, password=None):
    """Write the key of the certificate in another form."""
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return serialization.load_pem_private_key(key, None).private_bytes(encoding, form, encryption)


# The bytes of the certificate and the key → what the error says.
FAULTS = {
    "certificate is empty": (b"", KEY, NO_CERTIFICATES),
    "certificate is no text": (os.urandom(1000), KEY, NO_CERTIFICATES),
    "certificate is truncated": (CERTIFICATE[:300], KEY, NO_CERTIFICATES),
    "certificate is in DER format": (ssl.PEM_cert_to_DER_cert(CERTIFICATE.decode()), KEY, NO_CERTIFICATES),
    "rest of the chain is truncated": (CERTIFICATE + CERTIFICATE[:300], KEY, NO_CERTIFICATES),
    "key and certificate are exchanged": (KEY, CERTIFICATE, NO_CERTIFICATES),
    "key is empty": (CERTIFICATE, b"", NO_KEY),
    "key is a certificate": (CERTIFICATE, CERTIFICATE, NO_KEY),
    "key is truncated": (CERTIFICATE, KEY[:120], NO_KEY),
    "key is in DER format": (CERTIFICATE, write_key(KEY, DER), NO_KEY),
    "key of another certificate": (CERTIFICATE, OTHER.private_key_pem.bytes(), OTHER_KEY),
    "key of another algorithm": (CERTIFICATE, RSA.private_key_pem.bytes(), OTHER_KEY),
    "key is encrypted": (CERTIFICATE, write_key(KEY, PEM, password=b"secret"), ENCRYPTED),
    "key is encrypted in an old format": (
        *(CERTIFICATE, write_key(KEY, PEM, serialization.PrivateFormat.TraditionalOpenSSL, b"secret"), ENCRYPTED),
    ),
}


async def unused_app(_scope, _receive, _send):
    """Application of servers that do not run."""


@pytest.fixture
def settings(tmp_path):
    """Settings with the paths of files that do not exist yet."""
    return Settings(tls_cert=tmp_path / "certificate.pem", tls_key=tmp_path / "key.pem")


def write_files(settings, certificate=CERTIFICATE, key=KEY):
    settings.tls_cert.write_bytes(certificate)
    settings.tls_key.write_bytes(key)


def fault_of(settings):
    """Return the message of the error, without the prefix of the settings."""
    with pytest.raises(TlsError) as error:
        create_tls_context(settings)
    return str(error.value).removeprefix("DIGITS_TLS_")


@pytest.mark.parametrize("fault", FAULTS)
def test_error_names_the_setting_the_file_and_the_fault_and_nothing_of_its_content(settings, fault):
    certificate, key, expected = FAULTS[fault]
    write_files(settings, certificate, key)
    assert fault_of(settings) == expected.format(certificate=settings.tls_cert, key=settings.tls_key)


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda _: None, "cannot be read: No such file or directory"),
        (lambda path: path.mkdir(), "is not a regular file"),
        (os.mkfifo, "is not a regular file"),
        (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic links"),
    ],
)
@pytest.mark.parametrize("name", ["tls_cert", "tls_key"])
def test_error_names_a_file_that_cannot_be_read(settings, name, make, fault):
    write_files(settings)
    path = getattr(settings, name)
    path.unlink()
    make(path)
    assert fault_of(settings) == f"{name.removeprefix('tls_').upper()}: {path} {fault}"


def test_error_gives_the_reason_why_openssl_rejects_a_certificate(settings):
    write_files(settings, *write_weak_certificate())
    assert fault_of(settings) == f"CERT: {settings.tls_cert} cannot be used: EE_KEY_TOO_SMALL"


def write_weak_certificate():
    """Write a certificate with a weak key, and the key."""
    key, name, now = rsa.generate_private_key(65537, WEAK_KEY_BITS), x509.Name([]), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(PEM)
    return certificate, key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@pytest.mark.parametrize("issued", [LEAF, RSA])
def test_certificate_and_key_that_belong_together_are_accepted(settings, issued):
    write_files(settings, issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes())
    config = server_config(unused_app, settings)
    assert config.http is TlsProtocol
    assert config.tls_context.minimum_version is ssl.TLSVersion.TLSv1_2


async def echo_scheme_and_size(scope, receive, send):
    """Application that answers the scheme of a request and the size of its body."""
    size, has_more = 0, True
    while has_more:
        message = await receive()
        size, has_more = size + len(message["body"]), message["more_body"]
    body = f"{scope['scheme']} {size}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def end_handshake_together_with_a_request(address, handshake_begun, server_waits, all_sent):
    """Send the last message of a handshake and a large request in one piece, and return the answer."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    AUTHORITY.configure_trust(trust)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trust.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(address, timeout=10) as connection:
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        connection.sendall(outgoing.read())
        while client.version() is None:
            incoming.write(connection.recv(65536))
            with suppress(ssl.SSLWantReadError):
                client.do_handshake()
        client.write(b"POST / HTTP/1.1\r\nhost: digits\r\ncontent-length: %d\r\n\r\n" % BODY_BYTES + bytes(BODY_BYTES))
        handshake_begun.set()
        server_waits.wait(10)
        connection.sendall(outgoing.read())
        all_sent.set()
        answer = b""
        while not answer.endswith(b" %d" % BODY_BYTES):
            incoming.write(connection.recv(65536))
            with suppress(ssl.SSLWantReadError):
                answer += client.read()
                answer += client.read()
        return answer


def test_request_that_arrives_together_with_the_end_of_the_handshake_is_served(settings):
    write_files(settings, CERTIFICATE, KEY)
    handshake_begun, server_waits, all_sent = (threading.Event() for _ in range(3))

    async def serve():
        config, state = server_config(echo_scheme_and_size, settings), ServerState()
        config.load()
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * BODY_BYTES)
        loop, arguments = asyncio.get_running_loop(), (handshake_begun, server_waits, all_sent)
        server = await loop.create_server(lambda: TlsProtocol(config, state, {}, loop), sock=listener)
        client = asyncio.create_task(
            asyncio.to_thread(end_handshake_together_with_a_request, listener.getsockname(), *arguments)
        )
        await asyncio.to_thread(handshake_begun.wait, 10)
        server_waits.set()
        all_sent.wait(10)  # blocks the event loop, so that it finds all bytes at once
        answer = await client
        server.close()
        return answer

    assert uvloop.run(asyncio.wait_for(serve(), 30)).endswith(b"\r\n\r\nhttps %d" % BODY_BYTES)


def test_bytes_behind_a_handshake_are_not_taken_for_plain_http_if_the_connection_is_closing(settings, monkeypatch):
    write_files(settings, CERTIFICATE, KEY)
    tls, tcp = RecordingTransport(has_tls=True), RecordingTransport()
    tls.close()

    async def receive():
        async def start_tls(*_, **__):
            await end_of_handshake
            return tls

        loop, config = asyncio.get_running_loop(), server_config(unused_app, settings)
        config.load()
        end_of_handshake = loop.create_future()
        monkeypatch.setattr(loop, "start_tls", start_tls)
        protocol = TlsProtocol(config, ServerState(), {}, loop)
        protocol.connection_made(tcp)
        end_of_handshake.set_result(None)
        protocol.data_received(b"no request\r\n\r\n")
        protocol.data_received(b"no request\r\n\r\n")
        return protocol.connections

    assert asyncio.run(receive()) == set()
    assert tcp.sent == tls.sent == b""


def test_key_may_be_in_the_file_of_the_certificate(tmp_path):
    path = tmp_path / "both.pem"
    path.write_bytes(KEY + CERTIFICATE)
    create_tls_context(Settings(tls_cert=path, tls_key=path))


def test_without_a_certificate_the_service_speaks_http():
    create_tls_context(Settings())
    config = server_config(unused_app, Settings())
    assert config.http is HttpProtocol
    assert not hasattr(config, "tls_context")
