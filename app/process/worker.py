"""One serving process: its application, which a reload exchanges, and its regular tasks."""

import asyncio
import multiprocessing
import signal
import socket
from collections.abc import Awaitable

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from app.main import VERSION, create_app, create_process_state, create_service_counters
from app.observability.exporter import create_tracer_provider
from app.observability.logs import configure_logging, log
from app.observability.shared_counters import SharedCountersError
from app.process.listener import copies
from app.process.server import GracefulServer, server_config
from app.process.service_state import ServiceState, WorkerSigns
from app.process.shared_artefact import reload_artefact
from app.process.tuning import freeze_gc, set_heap_limits, trim_heap
from model import parse_artefact

TICKS_BETWEEN_TRIMS = 20  # two seconds


class Worker:
    """The application of one process, and its tasks ten times a second.

    As an ASGI application, a worker passes each request to its newest application. A reload creates a second
    application and exchanges one reference. So a request sees one network from its start to its end.

    Args:
        state: The state that all processes share.
        signs: Values that the worker and the supervisor exchange.
    """

    def __init__(self, state: ServiceState, signs: WorkerSigns) -> None:
        self._state, self._signs = state, signs
        # A reload keeps these, because requests of the old application are still in progress.
        self._process_state = create_process_state(state.counters, state.settings)
        self._tracer_provider = create_tracer_provider(VERSION)
        self._version, self._app = self._create_app()
        self._supervisor = multiprocessing.parent_process()
        self._is_reload_requested = False
        self._reload: asyncio.Future[None] | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request.

        Args:
            scope: ASGI scope of the request.
            receive: ASGI receive function of the request.
            send: ASGI send function of the request.
        Returns:
            The coroutine of the newest application.
        """
        return self._app(scope, receive, send)

    def handle_signal(self, number: int) -> None:
        """Begin or end the drain, if this is the only process.

        Otherwise, only the supervisor does so, because a signal to the process group reaches all processes.

        Args:
            number: Number of the signal: SIGTERM or SIGINT.
        """
        if self._supervisor is None:
            self._state.drain.handle_signal(number)

    def request_reload(self) -> None:
        """Let the next tick load the file of weights again."""
        self._is_reload_requested = True

    async def tick(self) -> bool:
        """Do what is due.

        Returns:
            True if this process must stop.
        """
        self._signs.ticks.value += 1
        if self._signs.ticks.value % TICKS_BETWEEN_TRIMS == 0:
            trim_heap()
        self._load_if_requested()
        if self._state.artefact.version != self._version:
            self._version, self._app = await asyncio.to_thread(self._create_app)
            freeze_gc()
        if self._supervisor is not None and not self._supervisor.is_alive() and not self._state.drain.is_draining():
            log.error("the supervisor died, so its workers stop")
            self._state.drain.begin()
        return self._state.drain.is_over() or self._signs.must_retire.value

    def _load_if_requested(self) -> None:
        """Load the file of weights in a thread, because its file system may be slow."""
        if self._is_reload_requested and (self._reload is None or self._reload.done()):
            self._is_reload_requested = False
            arguments = self._state.artefact, self._state.settings, self._process_state.counters
            self._reload = asyncio.get_running_loop().run_in_executor(None, reload_artefact, *arguments)

    def _create_app(self) -> tuple[int, FastAPI]:
        """Create an application with the last verified weights, and with own counters if no shared slot is free."""
        version, data = self._state.artefact.read()
        settings, is_draining = self._state.settings, self._state.drain.is_draining
        artefact, provider = parse_artefact(data, str(settings.weights)), self._tracer_provider
        try:
            return version, create_app(artefact, settings, is_draining, self._process_state, provider)
        except SharedCountersError as error:
            log.warning("this worker counts for itself: %s", error)
            self._process_state = create_process_state(create_service_counters(settings), settings)
            return version, create_app(artefact, settings, is_draining, self._process_state, provider)


def run_worker(state: ServiceState, listener: socket.socket, signs: WorkerSigns) -> None:
    """Serve in this process until a signal or the supervisor stops it.

    Args:
        state: The state that all processes share.
        listener: The listening socket.
        signs: Values that the worker and the supervisor exchange.
    """
    configure_logging()
    set_heap_limits()
    worker = Worker(state, signs)
    # A closed terminal sends SIGHUP to all processes. Only the supervisor or the only process reloads the weights.
    is_only_process = multiprocessing.parent_process() is None
    signal.signal(signal.SIGHUP, (lambda *_: worker.request_reload()) if is_only_process else signal.SIG_IGN)
    config = server_config(worker, state.settings)
    freeze_gc()
    GracefulServer(config, listener, state.drain, worker.handle_signal, worker.tick).run(copies(listener))
