"""The service: a socket, uvicorn on it, one process or several, and an orderly end.

On SIGTERM readiness turns 503 first, and for a pause nothing else changes: a balancer notices and
sends its requests elsewhere, while those that are under way, or still arrive, are served. Then the
socket closes, what is left is answered, and the process ends with status 0.
"""

import ctypes
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial

import uvicorn
from fastapi import FastAPI
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

from app.main import service_board
from app.settings import Settings
from app.telemetry import LOGGING, MAX_HEAD_BYTES, log
from app.worker import SPAWN, Lifecycle, parse_shared, worker_app
from model import Artefact

BACKLOG = 2048  # connections that wait to be accepted, as uvicorn's default


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
    def keep_subprocess_alive(self) -> None:
        before = list(self.processes)
        super().keep_subprocess_alive()
        for dead, successor in zip(before, self.processes, strict=True):
            if dead is not successor:
                pids = {"worker_pid": dead.pid, "successor_pid": successor.pid}
                log.warning("worker died", extra={**pids, "exit_status": dead.exitcode})

    @override
    def terminate_all(self) -> None:
        super().terminate_all()
        for listener in self.sockets:
            listener.close()  # so that nobody waits in a queue that no worker empties any more


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
    lifecycle, has_workers = Lifecycle(), settings.workers > 1
    load = _sharing(artefact, settings) if has_workers else lambda: artefact
    config = uvicorn_config(partial(worker_app, load, settings, lifecycle, service_board(settings)), settings)
    # uvicorn raises a signal again once it has dealt with it; this makes that end a clean one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    host, port = listener.getsockname()[:2]
    start = {"host": host, "port": port, "workers": settings.workers}
    log.info("started", extra={**start, "version": artefact.card.version, "sha256": artefact.sha256})
    try:
        if has_workers:
            Supervisor(config, [listener], lifecycle).run()
        else:
            uvicorn.Server(config).run([listener])
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # one more changes nothing now
        log.info("stopped")


def _sharing(artefact: Artefact, settings: Settings) -> Callable[[], Artefact]:
    """Give weights to other processes."""
    return partial(parse_shared, SPAWN.RawArray(ctypes.c_char, artefact.data), str(settings.weights))


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
