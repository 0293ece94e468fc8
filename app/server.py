"""The process: a socket, uvicorn on it, and an orderly end.

On SIGTERM readiness turns 503 first, and for a pause nothing else changes: a balancer notices and
sends its requests elsewhere, while those that are under way, or still arrive, are served. Then the
socket closes, what is left is answered, and the process ends with status 0.
"""

import asyncio
import ctypes
import multiprocessing
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from types import FrameType

import uvicorn
from fastapi import FastAPI
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

from app.main import create_app
from app.settings import Settings
from app.telemetry import LOGGING, MAX_HEAD_BYTES, log
from model import Artefact

BACKLOG = 2048  # connections that wait to be accepted, as uvicorn's default


class Lifecycle:
    """Whether the service is about to stop; one truth for the parent and all workers.

    A byte of shared memory: workers look at it without a lock, so a probe can never wait.
    """

    def __init__(self) -> None:
        self._draining = multiprocessing.get_context("spawn").RawValue(ctypes.c_bool)

    def drain(self) -> None:
        """Announce the end."""
        self._draining.value = True

    def is_draining(self) -> bool:
        """Say whether the end was announced.

        Returns:
            True from the announcement on.
        """
        return bool(self._draining.value)


class BoundedHeadProtocol(HttpToolsProtocol):
    """HTTP with a bound on a head that never ends; uvicorn's own parser would buffer it for ever.

    A head that is complete and too large is answered by `Telemetry`, with a problem document.
    """

    _unfinished_bytes = 0

    @override
    def data_received(self, data: bytes) -> None:
        self._unfinished_bytes += len(data)
        super().data_received(data)
        if self._unfinished_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\r\n")
            self.transport.close()

    @override
    def on_headers_complete(self) -> None:
        self._unfinished_bytes = 0
        super().on_headers_complete()

    @override
    def on_body(self, body: bytes) -> None:
        self._unfinished_bytes = 0
        super().on_body(body)


class DrainingServer(uvicorn.Server):
    """One process: uvicorn, with the pause before its shutdown.

    Args:
        config: uvicorn's.
        lifecycle: Where the end is announced.
        drain_seconds: Length of the pause after SIGTERM; Ctrl-C stops without one.
    """

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, drain_seconds: float) -> None:
        super().__init__(config)
        self.lifecycle = lifecycle
        self.drain_seconds = drain_seconds

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGTERM:
            self.lifecycle.drain()
        super().handle_exit(sig, frame)

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.lifecycle.is_draining():
            await asyncio.sleep(self.drain_seconds)
        await super().shutdown(sockets)


class DrainingSupervisor(Multiprocess):
    """Several processes: uvicorn's supervisor, with the pause before it stops its workers.

    Only its own SIGTERM announces the end; a worker that is replaced on SIGHUP stays ready.

    Args:
        config: uvicorn's.
        sockets: The listening sockets.
        lifecycle: Where the end is announced.
        drain_seconds: Length of the pause.
    """

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], lifecycle: Lifecycle, drain_seconds: float
    ) -> None:
        super().__init__(config, sockets)
        self.lifecycle = lifecycle
        self.drain_seconds = drain_seconds

    @override
    def handle_term(self) -> None:
        self.lifecycle.drain()
        time.sleep(self.drain_seconds)
        super().handle_term()


def listen(host: str, port: int) -> socket.socket:
    """Take an address, so that a taken one is known before anything else starts.

    Args:
        host: Name or address, IPv4 or IPv6.
        port: TCP port; 0 takes any free one.
    Returns:
        A listening socket.
    Raises:
        OSError: The address is taken, or is not one of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def serve(artefact: Artefact, settings: Settings, listener: socket.socket) -> None:
    """Answer until a signal says to stop.

    Workers get the verified artefact itself, not the name of its file: a file that goes bad later
    cannot hurt a worker that is started in place of another.

    Args:
        artefact: The verified weights and their card.
        settings: What the operator set.
        listener: A listening socket.
    """
    lifecycle = Lifecycle()
    config = uvicorn_config(partial(create_app, artefact, settings, lifecycle.is_draining), settings)
    # uvicorn raises a signal again once it has dealt with it; this makes that end a clean one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    host, port = listener.getsockname()[:2]
    start = {"host": host, "port": port, "workers": settings.workers}
    log.info("started", extra={**start, "version": artefact.card.version, "sha256": artefact.sha256})
    try:
        if settings.workers > 1:
            DrainingSupervisor(config, [listener], lifecycle, settings.drain_seconds).run()
        else:
            DrainingServer(config, lifecycle, settings.drain_seconds).run([listener])
    except KeyboardInterrupt:
        pass
    finally:
        log.info("stopped")


def uvicorn_config(app: Callable[[], FastAPI], settings: Settings) -> uvicorn.Config:
    """Choose uvicorn's options.

    Args:
        app: Makes the application, once in each process.
        settings: What the operator set.
    Returns:
        The configuration of every process.
    """
    return uvicorn.Config(
        app,
        factory=True,
        workers=settings.workers,
        root_path=settings.root_path,
        loop="uvloop",
        http=BoundedHeadProtocol,
        ws="none",
        lifespan="off",
        log_config=LOGGING,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.graceful_stop_seconds,
    )
