"""The listening socket."""

import socket

import pytest

from app.process.server import SEND_BUFFER_BYTES, listen


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_connections_have_a_small_send_buffer(host):
    with listen(host, 0) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            size = connection.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
            assert SEND_BUFFER_BYTES <= size <= 2 * SEND_BUFFER_BYTES == 128 * 1024
