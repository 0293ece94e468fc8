"""The listening socket, and the end of listening without a reset connection.

The kernel completes new connections and queues them until the service accepts them. If the last listening socket closes
meanwhile, the kernel resets the queued connections, although their clients may have sent requests. So a filter first
drops the packets that open new connections. The service then accepts the connections in the queue, and closes.
"""

import asyncio
import ctypes
import select
import socket
import struct
from contextlib import suppress

BACKLOG = 2048  # connections that wait to be accepted; uvicorn's default
# The event loop accepts one connection from each listening socket in an iteration. So there are several copies of the
# socket. With one copy, a probe would wait behind each connection of a burst for an iteration.
ACCEPTS_PER_ITERATION = 8
# Unread bytes that the kernel keeps for a connection; Linux doubles the value. By default, the kernel keeps up to 4 MiB
# for a client that does not read its answers.
SEND_BUFFER_BYTES = 64 * 1024

SO_ATTACH_FILTER = 26  # <asm-generic/socket.h> of Linux
# Instructions of the filter: code, jump if true, jump if false, operand. Source: <linux/bpf_common.h>.
# 1. Load byte 13 of the TCP header, which holds the flags (RFC 9293, section 3.1).
# 2. If the flag SYN is set, continue with 3, and otherwise with 4.
# 3. Drop the packet.
# 4. Keep the whole packet.
DROP_SYN_FILTER = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))

HANDSHAKE_SECONDS = 0.2  # for connections that have begun before the filter; more than most round trips
MAX_POLLS = 100  # of the queue; without the filter, new connections can keep it filled
SECONDS_BETWEEN_POLLS = 0.01


def listen(host: str, port: int) -> socket.socket:
    """Bind the address before anything else starts, so that a taken port is reported at once.

    Args:
        host: Host name or address, IPv4 or IPv6.
        port: TCP port; 0 takes any free one.
    Returns:
        A listening socket.
    Raises:
        OSError: The port is taken, or the address does not belong to this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # connections inherit it
    return listener


def with_copies(listener: socket.socket) -> list[socket.socket]:
    """Copy a listening socket for an event loop.

    Args:
        listener: The listening socket.
    Returns:
        The socket itself and its copies, from each of which the event loop accepts connections.
    """
    # A copy takes over the time-out of the Python object. Without one, it would make the socket blocking in all
    # processes, and the event loop of another worker would wait in `accept` for a connection that this worker accepts.
    listener.settimeout(0)
    return [listener, *(listener.dup() for _ in range(ACCEPTS_PER_ITERATION - 1))]


async def stop_new_connections(listener: socket.socket) -> None:
    """Stop new connections, and wait until the event loops of all workers have accepted the queued ones.

    On systems other than Linux, and where a sandbox forbids the filter, new connections still arrive. Connections that
    arrive between the end of this function and the close of the last copy of the socket are then reset.

    Args:
        listener: The listening socket; the filter applies to all its copies, in all processes.
    """
    with suppress(OSError):
        _drop_new_connections(listener)
    await asyncio.sleep(HANDSHAKE_SECONDS)
    queue = select.poll()
    queue.register(listener, select.POLLIN)
    for _ in range(MAX_POLLS):
        if not queue.poll(0):
            return
        await asyncio.sleep(SECONDS_BETWEEN_POLLS)


def _drop_new_connections(listener: socket.socket) -> None:
    """Make the kernel drop the packets that open new connections, socket(7).

    A client sends such a packet again after a second. By then the socket is closed, and the client can try elsewhere.
    """
    instructions = b"".join(struct.pack("=HBBI", *instruction) for instruction in DROP_SYN_FILTER)
    memory = ctypes.create_string_buffer(instructions)
    program = struct.pack("@HP", len(DROP_SYN_FILTER), ctypes.addressof(memory))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
