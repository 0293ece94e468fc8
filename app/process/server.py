"""One serving process: uvicorn's server with a graceful shutdown that loses no request."""

import signal
import socket
from types import FrameType

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override

from app.observability.logs import configure_logging
from app.process.connection_limits import ConnectionLimits, LimitedConfig
from app.process.http_protocol import HttpProtocol
from app.process.listener import BACKLOG, stop_new_connections, with_copies
from app.process.service_state import ServiceState, WorkerLink
from app.process.tls import TlsProtocol, create_tls_context
from app.process.tuning import freeze_gc, set_heap_limits
from app.process.worker import Worker
from app.settings import Settings


class GracefulServer(uvicorn.Server):
    """uvicorn's server, which drains, accepts the last connections, and then lets each connection end by itself.

    Args:
        worker: The application and its regular tasks.
        state: The state that all processes share.
        listener: The listening socket.
    """

    def __init__(self, worker: Worker, state: ServiceState, listener: socket.socket) -> None:
        config = server_config(worker, state.settings)
        super().__init__(config)
        self._worker, self._drain, self._listener, self._limits = worker, state.drain, listener, config.limits

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # The overridden method captures the signal, and uvicorn would raise it again when the server has stopped.
        self._drain.handle_signal(sig)

    @override
    async def on_tick(self, counter: int) -> bool:
        return await self._worker.tick() or await super().on_tick(counter)

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._drain.is_over():  # otherwise only this worker stops, and the others accept the connections
            await stop_new_connections(self._listener)
        self._limits.begin_shutdown()
        await super().shutdown(sockets)


def server_config(app: ASGIApp, settings: Settings) -> LimitedConfig:
    """Choose the options of uvicorn.

    Args:
        app: The application.
        settings: The settings of the service.
    Returns:
        The configuration of one process.
    Raises:
        TlsError: The files of the certificate and its key were replaced after the start, and cannot be used.
    """
    tls_context = create_tls_context(settings)
    config = LimitedConfig(
        app,
        interface="asgi3",
        root_path=settings.root_path,
        loop="uvloop",
        http=TlsProtocol if tls_context else HttpProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=settings.graceful_stop_seconds,
    )
    config.limits = ConnectionLimits(settings)
    if tls_context:
        config.tls_context = tls_context
    return config


def run_worker(state: ServiceState, listener: socket.socket, link: WorkerLink) -> None:
    """Serve in this process until the drain is over or the supervisor retires it.

    With several workers, the supervisor blocks its signals in them. So the handlers of signals run only if this is the
    only serving process.

    Args:
        state: The state that all processes share.
        listener: The listening socket.
        link: Values that the worker and the supervisor exchange.
    """
    configure_logging()
    set_heap_limits()
    worker = Worker(state, link)
    signal.signal(signal.SIGHUP, lambda *_: worker.handle_sighup())
    freeze_gc()
    GracefulServer(worker, state, listener).run(with_copies(listener))
