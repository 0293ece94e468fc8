"""uvicorn's server with a graceful shutdown that loses no request."""

import signal
import socket
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override

from app.process.connection_limits import ConnectionLimits, LimitedConfig
from app.process.drain import DrainState
from app.process.http_protocol import HttpProtocol
from app.process.listener import BACKLOG, accept_last_connections
from app.settings import Settings


class GracefulServer(uvicorn.Server):
    """uvicorn's server, which drains, accepts the last connections, and then lets each connection end by itself.

    Args:
        config: Configuration of uvicorn.
        listener: The listening socket.
        drain: The end of the drain of the service.
        handle_signal: Function that is called with the number of a signal, SIGTERM or SIGINT.
        tick: Function that is called ten times a second, and returns True if this process must stop.
    """

    def __init__(
        self,
        config: LimitedConfig,
        listener: socket.socket,
        drain: DrainState,
        handle_signal: Callable[[int], None],
        tick: Callable[[], Awaitable[bool]],
    ) -> None:
        super().__init__(config)
        self._limits, self._listener, self._drain = config.limits, listener, drain
        self._handle_signal, self._tick = handle_signal, tick

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # The overridden method captures the signal, and uvicorn would raise it again when the server has stopped.
        if sig == signal.SIGINT and self._drain.is_over():
            self.force_exit = True  # a second Ctrl-C does not wait for the last answers, as uvicorn documents
        self._handle_signal(sig)

    @override
    async def on_tick(self, counter: int) -> bool:
        return await self._tick() or await super().on_tick(counter)

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._drain.is_over():  # otherwise only this worker stops, and the others accept the connections
            await accept_last_connections(self._listener)
        self._limits.begin_shutdown()
        await super().shutdown(sockets)


def server_config(app: ASGIApp, settings: Settings) -> LimitedConfig:
    """Choose the options of uvicorn.

    Args:
        app: The application.
        settings: The settings of the service.
    Returns:
        The configuration of one process.
    """
    config = LimitedConfig(
        app,
        interface="asgi3",
        workers=settings.workers,
        root_path=settings.root_path,
        loop="uvloop",
        http=HttpProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=settings.graceful_stop_seconds,
    )
    config.limits = ConnectionLimits(settings)
    return config
