"""The process: a socket, uvicorn on it, and an orderly end.

On SIGTERM readiness turns 503 first, and for a pause nothing else changes: a balancer notices and
sends its requests elsewhere, while those that are under way, or still arrive, are served. Then the
socket closes, what is left is answered, and the process ends with status 0.
"""

import asyncio
import ctypes
import logging
import multiprocessing
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import TypeAlias

import uvicorn
from fastapi import FastAPI
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

from app import exporter
from app.main import create_app, service_board
from app.memory import return_large_blocks
from app.metrics.board import Board, BoardError
from app.settings import Settings
from app.telemetry import LOGGING, MAX_HEAD_BYTES, log
from model import Artefact, parse_artefact

SPAWN = multiprocessing.get_context("spawn")  # how uvicorn starts its workers
SharedBytes: TypeAlias = "ctypes.Array[ctypes.c_char]"
BACKLOG = 2048  # connections that wait to be accepted, as uvicorn's default


class Lifecycle:
    """Whether the service is about to stop; one truth for the parent and all workers.

    A byte of shared memory: workers look at it without a lock, so a probe can never wait.
    """

    def __init__(self) -> None:
        self._draining = SPAWN.RawValue(ctypes.c_bool)

    def drain(self) -> None:
        """Announce the end."""
        self._draining.value = True

    def is_draining(self) -> bool:
        """Say whether the end was announced.

        Returns:
            True from the announcement on.
        """
        return bool(self._draining.value)


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP, with two holes closed.

    A head that never ends is cut off, where the parser would buffer it for ever; one that is complete
    and too large is answered by `Telemetry`. And a connection that asked for an upgrade is closed after
    its answer, where the parser would read what follows, a body perhaps, as the next request.
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
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False

    @override
    def on_body(self, body: bytes) -> None:
        self._unfinished_bytes = 0
        super().on_body(body)


class Supervisor(Multiprocess):
    """Several processes: uvicorn's supervisor, which announces the end before it stops its workers.

    Only its own SIGTERM announces the end; a worker that is replaced on SIGHUP stays ready.

    Args:
        config: uvicorn's.
        sockets: The listening sockets.
        lifecycle: Where the end is announced.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], lifecycle: Lifecycle) -> None:
        super().__init__(config, sockets)
        self.lifecycle = lifecycle

    @override
    def handle_term(self) -> None:
        self.lifecycle.drain()
        super().handle_term()

    @override
    def terminate_all(self) -> None:
        super().terminate_all()
        for listener in self.sockets:
            listener.close()  # so that nobody waits in a queue that no worker empties any more


def stop_after_pause(drain_seconds: float, announce: Callable[[], None]) -> None:
    """Make SIGTERM stop this process, but only after a pause in which it serves as ever.

    Must run in the event loop, once uvicorn has installed its own handler, which is put aside: it would raise
    the signal again at the end, and a worker would die of it before its last answers are written. A second
    SIGTERM changes nothing, so that a service manager may send it to the parent and to its workers.

    Args:
        drain_seconds: Length of the pause.
        announce: Called when the pause begins.
    """
    loop, server = asyncio.get_running_loop(), getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    pauses: list[asyncio.TimerHandle] = []

    def stop() -> None:
        if isinstance(server, uvicorn.Server):
            server.should_exit = True

    def pause(_: int, __: FrameType | None) -> None:
        if not pauses:
            announce()
            pauses.append(loop.call_later(drain_seconds, stop))

    signal.signal(signal.SIGTERM, pause)


def process_app(data: SharedBytes, settings: Settings, lifecycle: Lifecycle, board: Board) -> FastAPI:
    """Prepare one serving process; uvicorn calls this in each, inside the event loop.

    Args:
        data: The bytes of the verified file of weights.
        settings: What the operator set.
        lifecycle: Where the end is announced: by the parent if there is one, by this process if not.
        board: Where all processes count.
    Returns:
        The application.
    """
    return_large_blocks()
    logging.captureWarnings(capture=True)  # Pillow warns of damaged metadata, in lines that are no JSON
    has_parent = settings.workers > 1
    stop_after_pause(settings.drain_seconds, (lambda: None) if has_parent else lifecycle.drain)
    artefact = parse_artefact(data.raw, str(settings.weights))
    return counting_app(artefact, settings, lifecycle.is_draining, board)


def counting_app(
    artefact: Artefact, settings: Settings, is_draining: Callable[[], bool], board: Board
) -> FastAPI:
    """Make an application that counts with the other processes if it can, and alone rather than not at all.

    Args:
        artefact: The verified weights and their card.
        settings: What the operator set.
        is_draining: Says whether the service is about to stop.
        board: Where all processes count.
    Returns:
        The application.
    """
    provider = exporter.tracer_provider()
    try:
        return create_app(artefact, settings, is_draining, board, provider)
    except BoardError as error:
        log.warning("this worker counts alone, and /metrics misses it: %s", error)
        return create_app(artefact, settings, is_draining, None, provider)


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

    Workers get the bytes that were verified, not the name of their file: a file that goes bad later
    cannot hurt a worker that is started in place of another. They get them in shared memory, because
    starting a process blocks for ever if it dies while more than a pipe holds is sent to it.

    Args:
        artefact: The verified weights and their card.
        settings: What the operator set.
        listener: A listening socket.
    """
    lifecycle = Lifecycle()
    data = SPAWN.RawArray(ctypes.c_char, artefact.data)
    config = uvicorn_config(
        partial(process_app, data, settings, lifecycle, service_board(settings)), settings
    )
    # uvicorn raises a signal again once it has dealt with it; this makes that end a clean one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    host, port = listener.getsockname()[:2]
    start = {"host": host, "port": port, "workers": settings.workers}
    log.info("started", extra={**start, "version": artefact.card.version, "sha256": artefact.sha256})
    if exporter.is_wanted() and (reason := exporter.obstacle()):
        log.warning("no traces are sent: %s", reason)
    try:
        if settings.workers > 1:
            Supervisor(config, [listener], lifecycle).run()
        else:
            uvicorn.Server(config).run([listener])
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # one more changes nothing now
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
        http=HttpProtocol,
        ws="none",
        lifespan="on",
        log_config=LOGGING,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.graceful_stop_seconds,
    )
