"""Attacks: connections that send half a request, that never read, or that all arrive at once."""

import asyncio
import resource
import socket
import time
from contextlib import contextmanager, suppress
from typing import NamedTuple

STATUS_LINE_BYTES = 12  # of `HTTP/1.1 200`
RECEIVED_BYTES = 256 * 1024
UNREAD_BYTES = 4096  # buffer of a connection that never reads; the answers would take long to fill a larger one


class Connection(NamedTuple):
    """The outcome of a connection.

    Args:
        status: The status of the first answer, or None without one.
        closed_after: The seconds from the start of all connections until the server closed this one, or None if it
            did not.
    """

    status: int | None
    closed_after: float | None


def open_connections(address, count, data, patience, *, reads=True):
    """Open connections at once, send data on each of them, and hold them until the server closes them.

    Args:
        address: The server's host and port.
        count: The number of connections.
        data: The bytes to send.
        patience: The seconds after which the connections are closed here.
        reads: False for connections that never read; they send the data repeatedly.
    Returns:
        A `Connection` for each of them.
    """
    hold = _receive if reads else _send_repeatedly
    with _many_open_files():
        return asyncio.run(_hold_all(address, count, data, patience, hold))


async def _hold_all(address, count, data, patience, hold):
    """Hold all connections at the same time."""
    start = time.perf_counter()
    return await asyncio.gather(*(_hold(address, data, start, patience, hold) for _ in range(count)))


async def _hold(address, data, start, patience, hold):
    """Open a connection, and hold it until the server closes it or the patience ends."""
    received = bytearray()
    with socket.socket() as client:
        client.settimeout(0)  # does not block
        try:
            async with asyncio.timeout(patience):
                with suppress(ConnectionError):  # the server has closed the connection
                    await asyncio.get_running_loop().sock_connect(client, address)
                    await hold(client, data, received)
        except TimeoutError:
            closed_after = None
        else:
            closed_after = time.perf_counter() - start
    return Connection(int(received[9:]) if len(received) == STATUS_LINE_BYTES else None, closed_after)


async def _receive(client, data, received):
    """Send the data and receive until the server closes the connection; keep the first bytes of the first answer."""
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError):  # a server that rejects a request early may have sent an answer
        await loop.sock_sendall(client, data)
    while piece := await loop.sock_recv(client, RECEIVED_BYTES):
        received += piece[: STATUS_LINE_BYTES - len(received)]


async def _send_repeatedly(client, data, _):
    """Send the data again and again until the server closes the connection, which fails with `ConnectionError`."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UNREAD_BYTES)
    while True:
        await asyncio.get_running_loop().sock_sendall(client, data)


@contextmanager
def _many_open_files():
    """Raise the soft limit of open files, but not for servers, which inherit it if they start later."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
