"""Connections of the service without a network and without time."""

import asyncio
import re
from typing import Any

from uvicorn.server import ServerState

from app.process.connection_limits import ConnectionLimits, LimitedConfig
from app.process.http_protocol import HttpProtocol
from app.settings import Settings
from tests.transports import Clock, RecordingTransport

GET = b"GET / HTTP/1.1\r\nhost: digits\r\n\r\n"
CLOSE = b"GET / HTTP/1.1\r\nhost: digits\r\nconnection: close\r\n\r\n"
MOMENT = 0.001  # a short time, in seconds
CHUNKED = b"POST / HTTP/1.1\r\nhost: digits\r\ntransfer-encoding: chunked\r\n\r\n"


class Connection:
    """A connection to an application that receives the body of a request, and answers when the test allows it.

    Args:
        has_tls: True for a transport with TLS.
        reads_body: False if the application answers without the body.
        state: State that connections of one server share; by default the connection is the only one.
        limits: The limits of the connections of the service; by default those of its settings.
        settings: Settings of the service.

    Attributes:
        received: The messages that the application has received.
        scopes: The scopes of its requests.
        clock: The time of the event loop.
    """

    def __init__(self, *, has_tls=False, reads_body=True, state=None, limits=None, **settings):
        self.real = RecordingTransport(has_tls=has_tls)
        self.received: list[dict[str, object]] = []
        self.scopes: list[dict[str, object]] = []
        clock: Any = Clock()  # takes the place of an event loop
        self.clock = clock
        self._may_answer = asyncio.Event()
        self._reads_body = reads_body
        config = LimitedConfig(self._answer, interface="asgi3", loop="none", lifespan="off", log_config=None)
        config.limits = limits or ConnectionLimits(Settings(**settings))
        self.limits = config.limits
        self.protocol = HttpProtocol(config, state or ServerState(), {}, clock)
        self.real.set_protocol(self.protocol)
        self.protocol.connection_made(self.real)

    async def _answer(self, scope, receive, send):
        self.scopes.append(scope)
        has_more = self._reads_body
        while has_more:
            self.received.append(await receive())
            has_more = self.received[-1].get("more_body", False)
        await self._may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    async def receive(self, *pieces):
        """Deliver some pieces of the stream, and let the application run."""
        for piece in pieces:
            self.protocol.data_received(piece)
            await self.settle()

    def shut_down(self):
        """Begin the shutdown of the service, as the server does for each connection."""
        self.limits.begin_shutdown()
        self.protocol.shutdown()

    async def answer(self):
        """Let the application answer all requests."""
        self._may_answer.set()
        await self.settle()

    async def settle(self):
        for _ in range(20):
            await asyncio.sleep(0)

    def statuses(self):
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.real.sent)]


def run(conversation, **options):
    """Run a coroutine function that takes a new connection, and return the connection."""

    async def run_with_connection():
        connection = Connection(**options)
        try:
            await conversation(connection)
        finally:  # otherwise an application that waits would keep the event loop from its end
            connection.protocol.connection_lost(None)
        return connection

    return asyncio.run(asyncio.wait_for(run_with_connection(), 10))


def closes_at(connection, end):
    """Move the time to shortly before and to the end; return True if the connection closes only at the end."""
    connection.clock.move_to(end - MOMENT)
    is_open = not connection.protocol.transport.is_closing()
    connection.clock.move_to(end)
    return is_open and connection.protocol.transport.is_closing()
