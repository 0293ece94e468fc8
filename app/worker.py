"""One serving process: its application, and its part in the end of the service."""

import asyncio
import ctypes
import logging
import multiprocessing
import signal
from collections.abc import Callable
from types import FrameType
from typing import TypeAlias

import uvicorn
from fastapi import FastAPI

from app import exporter
from app.main import VERSION, create_app
from app.memory import bound_heap, leave_out_old_pydantic, spare_collector
from app.metrics.board import Board, BoardError
from app.settings import Settings
from app.telemetry import log
from model import Artefact, parse_artefact

SPAWN = multiprocessing.get_context("spawn")  # how uvicorn starts its workers
SharedBytes: TypeAlias = "ctypes.Array[ctypes.c_char]"


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


def parse_shared(data: SharedBytes, source: str) -> Artefact:
    """Turn the bytes of a verified file into an artefact, once more, in another process.

    Args:
        data: The whole file.
        source: Where they came from.
    Returns:
        The artefact.
    """
    return parse_artefact(data.raw, source)


def worker_app(
    load: Callable[[], Artefact], settings: Settings, lifecycle: Lifecycle, board: Board
) -> FastAPI:
    """Prepare one serving process; uvicorn calls this in each, inside the event loop.

    Args:
        load: Gives the verified weights and their card.
        settings: What the operator set.
        lifecycle: Where the end is announced: by the parent if there is one, by this process if not.
        board: Where all processes count.
    Returns:
        The application.
    """
    bound_heap()
    leave_out_old_pydantic()
    logging.captureWarnings(capture=True)  # Pillow warns of damaged metadata, in lines that are no JSON
    has_parent = settings.workers > 1
    stop_after_pause(settings.drain_seconds, (lambda: None) if has_parent else lifecycle.drain)
    app = counting_app(load(), settings, lifecycle.is_draining, board)
    spare_collector()
    return app


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
    provider = exporter.tracer_provider(VERSION)
    try:
        return create_app(artefact, settings, is_draining, board, provider)
    except BoardError as error:
        log.warning("this worker counts for itself: %s", error)
        return create_app(artefact, settings, is_draining, None, provider)
