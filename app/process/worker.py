"""One serving process: its weights, its application, and its part in the shutdown."""

import asyncio
import ctypes
import logging
from collections.abc import Callable

from fastapi import FastAPI
from opentelemetry.trace import TracerProvider

from app.main import VERSION, create_app
from app.observability.exporter import create_tracer_provider
from app.observability.logs import log
from app.observability.shared_counters import SharedCounters, SharedCountersError
from app.process.drain import DrainState, install_drain_handler
from app.process.tuning import freeze_gc, set_heap_limits, trim_heap_regularly
from app.settings import Settings
from model import Artefact, parse_artefact


def create_worker_app(
    weights: "ctypes.Array[ctypes.c_char]", settings: Settings, drain_state: DrainState, shared_counters: SharedCounters
) -> FastAPI:
    """Prepare one serving process; uvicorn calls this function in each of them, inside the event loop.

    Args:
        weights: The bytes of the verified file of weights, in shared memory.
        settings: The settings of the service.
        drain_state: Shared flag that tells whether the shutdown is announced. The supervisor sets it; without a
            supervisor, this process does.
        shared_counters: Counters of all workers.
    Returns:
        The application.
    """
    set_heap_limits()
    trim_heap_regularly(asyncio.get_running_loop())
    logging.captureWarnings(capture=True)  # otherwise Pillow prints warnings as plain text between the JSON lines
    install_drain_handler(settings.drain_seconds, (lambda: None) if settings.workers > 1 else drain_state.announce)
    artefact, provider = parse_artefact(weights.raw, str(settings.weights)), create_tracer_provider(VERSION)
    app = create_app_with_counter_fallback(artefact, settings, drain_state.is_draining, shared_counters, provider)
    freeze_gc()
    return app


def create_app_with_counter_fallback(
    artefact: Artefact,
    settings: Settings,
    is_draining: Callable[[], bool],
    shared_counters: SharedCounters,
    tracer_provider: TracerProvider | None,
) -> FastAPI:
    """Create an application that uses the shared counters, or counters of its own if they have no free slot.

    Args:
        artefact: The verified weights and their card.
        settings: The settings of the service.
        is_draining: Function that returns True once the service is shutting down.
        shared_counters: Counters of all workers.
        tracer_provider: Provider that receives the spans, or None for no tracing.
    Returns:
        The application.
    """
    try:
        return create_app(artefact, settings, is_draining, shared_counters, tracer_provider)
    except SharedCountersError as error:
        log.warning("this worker counts for itself: %s", error)
        return create_app(artefact, settings, is_draining, None, tracer_provider)
