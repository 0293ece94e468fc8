"""The application of one serving process, which a reload exchanges, and the regular tasks of the process."""

import asyncio
import multiprocessing
from collections.abc import Awaitable

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from app.main import VERSION, create_app, create_process_state, create_service_counters
from app.observability.exporter import create_tracer_provider
from app.observability.logs import log
from app.observability.shared_counters import SharedCountersError
from app.process.keys import with_keys
from app.process.reload import Reloader
from app.process.service_state import ServiceState, WorkerLink
from app.process.tuning import clear_endpoint_caches, freeze_gc, trim_heap
from model import parse_artefact

HEARTBEATS_BETWEEN_TRIMS = 20  # two seconds


class Worker:
    """The application of one process, and its tasks ten times a second.

    As an ASGI application, a worker passes each request to its newest application. A reload creates a second
    application and exchanges one reference. So a request sees one network from its start to its end.

    Args:
        state: The state that all processes share.
        link: Values that the worker and the supervisor exchange.
    """

    def __init__(self, state: ServiceState, link: WorkerLink) -> None:
        self._state, self._link = state, link
        self._supervisor = multiprocessing.parent_process()  # None in the only process
        self._reloader = Reloader(state)
        # A reload keeps these, because requests of the old application are still in progress.
        self._process_state = create_process_state(state.counters, state.settings)
        self._tracer_provider = create_tracer_provider(VERSION)
        self._publications, self._app = self._create_app()

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

    def handle_sighup(self) -> None:
        """Request a reload, or begin the drain if the terminal was closed."""
        self._state.handle_sighup(self._reloader.request)

    async def tick(self) -> bool:
        """Send a heartbeat, follow the supervisor, trim the heap, and exchange the application after a reload.

        Returns:
            True if this process must stop.
        """
        self._link.heartbeats.value += 1
        if self._supervisor is not None and not self._supervisor.is_alive() and not self._state.drain.is_draining():
            log.error("the supervisor died, so its workers stop")
            self._state.drain.begin()
        if self._link.heartbeats.value % HEARTBEATS_BETWEEN_TRIMS == 0:
            trim_heap()
        if not self._state.drain.is_draining():
            self._reloader.start_if_requested()
            await self._exchange_app()
        return self._state.drain.is_over() or self._link.must_retire.value

    async def _exchange_app(self) -> None:
        """Use the weights and keys that were published last, if they are not in use yet."""
        if self._publications != (self._state.artefact.publication, self._state.keys.publication):
            self._publications, self._app = await asyncio.to_thread(self._create_app)
            clear_endpoint_caches()
            freeze_gc()

    def _create_app(self) -> tuple[tuple[int, int], FastAPI]:
        """Create an application with what is published, and with own counters if no shared slot is free."""
        publication, data = self._state.artefact.read()
        keys_publication, keys = self._state.keys.read()
        publications, settings = (publication, keys_publication), with_keys(self._state.settings, keys)
        artefact, provider = parse_artefact(data, str(settings.weights)), self._tracer_provider
        is_draining = self._state.drain.is_draining
        try:
            return publications, create_app(artefact, settings, is_draining, self._process_state, provider)
        except SharedCountersError as error:
            log.warning("this worker counts for itself: %s", error)
            self._process_state = create_process_state(create_service_counters(settings), settings)
            return publications, create_app(artefact, settings, is_draining, self._process_state, provider)
