"""One client, which sends a request and receives the answer."""

import asyncio
import re

from benchmarks.soak.answers import Answer

CONTENT_LENGTH = re.compile(rb"\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"\nconnection: *close\r", re.IGNORECASE)
# A connection is kept for so many requests. Then the client opens another one, so that a worker that replaces a dead
# one also gets connections.
REQUESTS_PER_CONNECTION = 100
SECONDS_BEFORE_ABORT = 0.001


class Client:
    """A client that sends one request at a time, most of them on a connection that it keeps.

    Args:
        address: The server's host and port.

    Attributes:
        has_connection: False if the last request failed before its connection was established.
    """

    def __init__(self, address):
        self._address = address
        self._streams = None
        self._remaining_requests = 0
        self.has_connection = False

    async def send(self, request, *, is_new):
        """Send a request, and receive its answer.

        Args:
            request: The `Request`.
            is_new: True for a request on a new connection that is closed afterwards.
        Returns:
            The `Answer`, or None if the client does not wait for it.
        Raises:
            OSError: The connection failed.
            EOFError: The server closed the connection before the end of the answer.
            ValueError: The answer has no length or no status.
        """
        self.has_connection = False
        if request.status is None:
            return await self._abort(request)
        if is_new:
            return await self._send_on_new_connection(request)
        return await self._send_on_kept_connection(request)

    def close(self):
        """Close the connection that is kept."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _connect(self):
        """Open a connection."""
        streams = await asyncio.open_connection(*self._address)
        self.has_connection = True
        return streams

    async def _abort(self, request):
        """Send a request on a new connection, and close the connection soon."""
        _, writer = await self._connect()
        writer.write(request.data)
        await asyncio.sleep(SECONDS_BEFORE_ABORT)
        writer.close()

    async def _send_on_new_connection(self, request):
        """Send a request that asks the server to close the connection."""
        reader, writer = await self._connect()
        try:
            answer, _ = await _exchange(reader, writer, request.data.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        finally:
            writer.close()
        return answer

    async def _send_on_kept_connection(self, request):
        """Send a request on the connection that is kept, or on a new one if there is none or the server closed it."""
        if self._streams is None or self._streams[0].at_eof():
            self.close()
            self._streams, self._remaining_requests = await self._connect(), REQUESTS_PER_CONNECTION
        self.has_connection, is_last, (reader, writer) = True, True, self._streams
        self._remaining_requests -= 1
        try:
            answer, is_last = await _exchange(reader, writer, request.data)
        finally:  # also if the request has taken too long
            if is_last or self._remaining_requests == 0:
                self.close()
        return answer


async def _exchange(reader, writer, data):
    """Send a request; return its answer, and True if the server closes the connection after it."""
    writer.write(data)
    head = await reader.readuntil(b"\r\n\r\n")
    (length,) = CONTENT_LENGTH.findall(head)
    body = await reader.readexactly(int(length))
    return Answer(int(head.split(maxsplit=2)[1]), body), CLOSES.search(head) is not None
