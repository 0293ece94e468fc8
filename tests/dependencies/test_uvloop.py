"""Private behaviour of uvloop, which docs/dependencies.md lists.

A test fails if a new version of the dependency behaves differently. It uses the dependency alone, so that the failure
names the assumption and not a symptom in the service.
"""

import asyncio
import socket
import ssl
import time

import pytest
import trustme
import uvloop

AUTHORITY = trustme.CA()
TRUST, TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
AUTHORITY.configure_trust(TRUST)
AUTHORITY.issue_cert("localhost").configure_cert(TLS)


class StartTls(asyncio.Protocol):
    """Protocol that starts TLS when its connection is made, and answers the first bytes.

    Args:
        answer: Function that gets the TLS transport and the TCP transport after the first bytes.

    Attributes:
        seen: The events, in their order.
        end: Future that ends with the connection.
    """

    def __init__(self, answer):
        self.seen: list[object] = []
        self.end = asyncio.get_running_loop().create_future()
        self._answer = answer

    def connection_made(self, transport):
        self.seen.append("made")
        self._tcp = transport
        self._handshake = asyncio.get_running_loop().start_tls(transport, self, TLS, server_side=True)
        self._handshake.send(None).add_done_callback(self._end_handshake)

    def _end_handshake(self, _):
        try:
            self._handshake.send(None)
        except StopIteration as end:
            self.seen.append("TLS")
            self._tls = end.value
        except OSError:
            self.seen.append("no TLS")
            self.end.set_result(None)

    def data_received(self, data):
        self.seen.append(data)
        self._answer(self._tls, self._tcp)

    def connection_lost(self, exc):
        self.seen.append("lost" if exc is None else "reset")
        if not self.end.done():
            self.end.set_result(None)


def serve_one_client(talk, answer=None):
    """Serve a client by uvloop.

    Args:
        talk: Function of the client, which gets a TCP connection that is older than the server.
        answer: Function that answers the first bytes; see `StartTls`.
    Returns:
        The events of the server, and the result of `talk`.
    """

    async def serve():
        listener = socket.create_server(("127.0.0.1", 0))
        protocol = StartTls(answer)
        with socket.create_connection(listener.getsockname(), timeout=10) as client:
            talking = asyncio.create_task(asyncio.to_thread(talk, client))
            server = await asyncio.get_running_loop().create_server(lambda: protocol, sock=listener)
            result = await talking
        await protocol.end
        server.close()
        return protocol.seen, result

    return uvloop.run(asyncio.wait_for(serve(), 30))


def request(client):
    """Send a request by TLS, and receive all until the server ends TLS, which is an error if it is missing."""
    received, deadline = b"", time.monotonic() + 10  # the time limit of a socket is for one part only
    with TRUST.wrap_socket(client, server_hostname="localhost", suppress_ragged_eofs=False) as connection:
        connection.sendall(b"request")
        while part := connection.recv(65536):
            received += part
            assert time.monotonic() < deadline
        connection.sendall(b"late")
    return received


@pytest.mark.parametrize("size", [1, 1_000_000])
def test_uvloop_starts_tls_in_a_new_connection_and_sends_all_bytes_before_the_transports_close(size):
    def answer(tls, tcp):
        tls.write(bytes(size))
        tls.close()
        assert tls.get_write_buffer_size() == 0  # all bytes have been passed to the TCP transport
        tcp.close()

    seen, received = serve_one_client(request, answer)
    assert seen == ["made", "TLS", b"request", "lost"]
    assert received == bytes(size)


def test_uvloop_passes_the_bytes_behind_the_end_of_tls_to_a_protocol_that_replaces_tls():
    discarded = bytearray()

    class Replacement(asyncio.Protocol):
        def __init__(self, replaced):
            self._replaced = replaced

        def data_received(self, data):
            discarded.extend(data)

        def connection_lost(self, exc):
            self._replaced.connection_lost(exc)

    def answer(tls, tcp):
        tls.write(b"answer")
        tls.close()
        tcp.set_protocol(Replacement(tcp.get_protocol()))
        tcp.write_eof()
        tcp.resume_reading()

    seen, received = serve_one_client(request, answer)
    assert seen == ["made", "TLS", b"request", "lost"]
    assert received == b"answer"
    assert len(discarded) > len(b"late")  # it is encrypted


def test_uvloop_ends_the_start_of_tls_with_an_error_if_the_client_does_not_speak_tls():
    seen, _ = serve_one_client(lambda client: client.sendall(b"GET / HTTP/1.1\r\n\r\n") or client.recv(1))
    assert seen[:2] == ["made", "no TLS"]
