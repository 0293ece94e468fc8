"""The listening socket: its buffers, and its end without a reset connection."""

import asyncio
import os
import socket
import sys

import pytest

from app.process import listener as listener_module
from app.process.listener import ACCEPTS_PER_ITERATION, SEND_BUFFER_BYTES, listen, stop_new_connections, with_copies
from tests.machine import skip_unless
from tests.virtual_time import run_in_virtual_time

needs_linux = skip_unless(sys.platform == "linux", "the socket filters of Linux")


@pytest.fixture(params=["127.0.0.1", "::1"])
def listener(request):
    """A listening socket whose connections nobody accepts."""
    with listen(request.param, 0) as listener:
        yield listener


def connect(listener):
    """Open a connection, which waits in the queue."""
    return socket.create_connection(listener.getsockname()[:2], timeout=0.3)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_connections_have_a_small_send_buffer(host):
    with listen(host, 0) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            size = connection.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
            assert SEND_BUFFER_BYTES <= size <= 2 * SEND_BUFFER_BYTES == 128 * 1024


def test_copies_accept_the_connections_of_one_listening_socket(listener):
    sockets = with_copies(listener)
    try:
        assert (len(sockets), sockets[0]) == (ACCEPTS_PER_ITERATION, listener)
        for each in sockets:
            with connect(listener), each.accept()[0]:
                pass
    finally:
        for each in sockets[1:]:
            each.close()


def test_copies_in_a_worker_leave_the_listening_socket_non_blocking(listener):
    received = socket.socket(fileno=os.dup(listener.fileno()))  # as a worker receives it from the supervisor
    assert received.gettimeout() is None
    copied = with_copies(received)
    assert not os.get_blocking(listener.fileno())
    assert {each.gettimeout() for each in copied} == {0}
    for each in copied:
        each.close()


@needs_linux
def test_after_the_end_of_listening_no_connection_is_opened_and_open_ones_go_on(listener):
    with connect(listener) as client, listener.accept()[0] as server:
        asyncio.run(stop_new_connections(listener))
        with pytest.raises(TimeoutError):
            connect(listener)
        client.sendall(b"request")
        assert server.recv(100) == b"request"
        server.sendall(b"answer")
        assert client.recv(100) == b"answer"


@needs_linux
def test_listening_ends_only_when_all_queued_connections_are_accepted(listener):
    async def end_listening():
        ending = asyncio.create_task(stop_new_connections(listener))
        await asyncio.sleep(0.5)
        assert not ending.done()
        with listener.accept()[0], listener.accept()[0]:
            await asyncio.wait_for(ending, 1)

    with connect(listener), connect(listener):
        asyncio.run(end_listening())


def test_without_a_filter_listening_ends_although_new_connections_arrive(listener, monkeypatch):
    monkeypatch.setattr(listener_module, "SO_ATTACH_FILTER", -1)  # as on systems that have no such option

    async def end_listening():
        await stop_new_connections(listener)
        return asyncio.get_running_loop().time()

    with connect(listener):
        assert run_in_virtual_time(end_listening()) == pytest.approx(1.2)
        with connect(listener):
            pass
