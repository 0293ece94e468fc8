"""Good clients beside a load: probes and single predictions, from a process of their own."""

import asyncio
import re
import time
from contextlib import closing, contextmanager, suppress
from typing import Any, NamedTuple

from benchmarks.faults.client_process import client_process

PROBE_INTERVAL_SECONDS = 0.025
PREDICTION_INTERVAL_SECONDS = 0.05
TIMEOUT_SECONDS = 20
CONTENT_LENGTH = re.compile(rb"\ncontent-length: *(\d+)", re.IGNORECASE)


class Wait(NamedTuple):
    """How long a good client waited.

    Args:
        status: The status of the answer, or None if there was none.
        seconds: The time from the start, with the connection if it is new, to the last byte of the answer.
    """

    status: int | None
    seconds: float


class Waits(NamedTuple):
    """The waits of all good clients.

    Args:
        probes: Liveness probes, each on a new connection.
        kept: Single predictions on a connection that is kept open.
        new: Single predictions, each on a new connection.
    """

    probes: list[Wait]
    kept: list[Wait]
    new: list[Wait]


@contextmanager
def good_clients(address, probe, prediction):
    """Run the good clients until the end of the `with` block.

    Args:
        address: The server's host and port.
        probe: The bytes of a probe.
        prediction: The bytes of a request that predicts one image.
    Yields:
        The `Waits`, which are empty until the end of the block.
    """
    waits = Waits([], [], [])
    with client_process(_run_clients, address, probe, prediction) as results:
        yield waits
    for collected, received in zip(waits, results, strict=True):
        collected.extend(received)


async def _run_clients(pipe, address, probe, prediction):
    """Open the connection that is kept, tell that the load may start, and run all clients until they are stopped."""
    waits, is_stopped, is_open = Waits([], [], []), pipe.poll, asyncio.Event()
    async with asyncio.TaskGroup() as clients:
        clients.create_task(_keep_connection(is_stopped, address, prediction, waits.kept, is_open))
        await is_open.wait()
        pipe.send("ready")
        clients.create_task(start_repeatedly(is_stopped, PROBE_INTERVAL_SECONDS, address, probe, waits.probes))
        clients.create_task(start_repeatedly(is_stopped, PREDICTION_INTERVAL_SECONDS, address, prediction, waits.new))
    return waits


async def start_repeatedly(is_stopped, interval, address, request, waits):
    """Send a request on a new connection in every interval, also while earlier ones wait.

    A client that waited for its answer would send fewer requests while the server is slow. Its median would be too low.

    Args:
        is_stopped: Function that returns True after the last request.
        interval: The seconds between two requests.
        address: The server's host and port.
        request: The bytes of the request.
        waits: The list to which each `Wait` is appended.
    """
    async with asyncio.TaskGroup() as requests:
        while not is_stopped():
            requests.create_task(_send_on_new_connection(address, request, waits))
            await asyncio.sleep(interval)


async def _send_on_new_connection(address, request, waits):
    """Open a connection, and send one request."""

    async def send():
        reader, writer = await asyncio.open_connection(*address)
        with closing(writer):
            return await _exchange(reader, writer, request)

    await _measure(send, waits)


async def _keep_connection(is_stopped, address, request, waits, is_open):
    """Send requests one after another on one connection; open another only if this one is lost or closed."""
    streams: list[Any] = []  # the reader and the writer of the connection

    async def send():
        if not streams:
            streams.extend(await asyncio.open_connection(*address))
        reader, writer = streams
        return await _exchange(reader, writer, request)

    while not is_stopped():
        status = await _measure(send, waits)
        is_open.set()
        await asyncio.sleep(PREDICTION_INTERVAL_SECONDS)
        if streams and (status is None or streams[0].at_eof() or is_stopped()):
            streams[1].close()
            streams.clear()


async def _measure(send, waits):
    """Await an answer, append the wait for it, and return the status, or None without an answer in time."""
    start, status = time.perf_counter(), None
    with suppress(OSError, EOFError, TimeoutError):
        async with asyncio.timeout(TIMEOUT_SECONDS):
            status = await send()
    waits.append(Wait(status, time.perf_counter() - start))
    return status


async def _exchange(reader, writer, request):
    """Send a request, receive its whole answer, and return the status."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    (length,) = CONTENT_LENGTH.findall(head)
    await reader.readexactly(int(length))
    return int(head.split(maxsplit=2)[1])
