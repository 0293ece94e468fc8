"""The application: `create_app` builds it from its arguments and reads no environment variable or weights."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from fastapi import FastAPI
from opentelemetry.trace import TracerProvider
from starlette.types import Scope

from app.api.document import DOCUMENT_HEAD
from app.api.documentation import DOCUMENTATION_PATHS, documentation_routes
from app.api.health import health_routes
from app.api.metrics import METRICS, metrics_routes
from app.api.page import PAGE_PATHS, PAGE_TEMPLATE, page_routes
from app.api.picture import picture_routes
from app.api.predict import predict_routes
from app.api.schemas import PictureForm
from app.http.admission import AdmissionQueues, create_admission_queues
from app.http.api_keys import ApiKeys
from app.http.compression import CompressReplies
from app.http.cors import allow_origins
from app.http.error_responses import ErrorResponses
from app.http.json_endpoint import JsonEndpoint
from app.http.middleware import RequestMiddleware
from app.http.openapi import complete_document, document_keys, operation_id
from app.http.request_head import PROBES
from app.http.routing import Application, json_addresses, methods_by_template
from app.http.scope import route_path
from app.observability import exporter, tracing
from app.observability.counter_registry import CounterRegistry
from app.observability.instruments import (
    INSTRUMENT_COUNTERS,
    Instruments,
    PredictionCounters,
    RequestCounters,
    rejected_picture_counters,
)
from app.observability.request_spans import RequestSpans
from app.observability.shared_counters import SharedCounters, create_shared_counters
from app.oip.codec.messages import InferRequest
from app.oip.codec.metadata import IndexRequest
from app.oip.codec.statistics import OipStatistics, number_of_statistics_counters
from app.oip.error_format import OIP_ERROR_FORMAT, OIP_PREFIX, STATUS_BY_ERROR
from app.oip.inference import inference_routes
from app.oip.routes import is_oip_probe, oip_routes
from app.predictor import Predictor
from app.settings import Settings
from model import Artefact

VERSION = "0.6.0"
# Four times the largest value of the setting `workers`, 64. The supervisor starts one more worker on each SIGTTIN.
MAX_PROCESSES = 256
# Paths that never need a key. The health checks of `/v2` need none, either.
OPEN_PATHS = frozenset({*PROBES, *PAGE_PATHS, *DOCUMENTATION_PATHS})
DOCUMENTED_TYPES = (PictureForm, InferRequest, IndexRequest)  # have a `schema_reference` in the OpenAPI document


class ProcessState(NamedTuple):
    """State that the applications of one process share, before and after a reload.

    Args:
        counters: Counters of all workers.
        queues: Admission queues of the process.
    """

    counters: SharedCounters
    queues: AdmissionQueues


def create_app(
    artefact: Artefact,
    settings: Settings,
    is_draining: Callable[[], bool] = lambda: False,
    process_state: ProcessState | None = None,
    tracer_provider: TracerProvider | None = None,
) -> FastAPI:
    """Create the application.

    Args:
        artefact: The verified weights and their card (name, version, held-out accuracy).
        settings: The settings of the service.
        is_draining: Function that returns True once the service is shutting down.
        process_state: State of the process; by default the application gets a state of its own.
        tracer_provider: Provider that receives the spans, or None for no tracing.
    Returns:
        The application.
    Raises:
        SharedCountersError: The shared counters have no free slot; a slot holds the counters of one process.
    """
    shared_counters, queues = process_state or create_process_state(create_service_counters(settings), settings)
    card = replace(artefact.card, name=settings.model_name or artefact.card.name)
    registry = CounterRegistry(shared_counters)
    predictions, rejected_pictures = PredictionCounters(registry), rejected_picture_counters(registry)
    oip_statistics = OipStatistics(registry, settings.max_batch_rows)
    errors = ErrorResponses({OIP_PREFIX: OIP_ERROR_FORMAT}, STATUS_BY_ERROR)
    app = _create_bare_app(settings, tracer_provider, errors)
    tracing_observers = [] if tracer_provider is None else [tracing.set_batch_size]
    predictor = Predictor(artefact.network, predictions.count, *tracing_observers)
    json_endpoint = partial(JsonEndpoint, admission=queues.batches, errors=errors)
    for router in (
        predict_routes(predictor, settings, json_endpoint),
        picture_routes(predictor, settings, queues.pictures, rejected_pictures),
        inference_routes(card, predictor, settings, oip_statistics, json_endpoint),
        oip_routes(card, settings, is_draining, oip_statistics),
        health_routes(is_draining),
    ):
        app.include_router(router)
    if settings.docs:
        app.include_router(documentation_routes(app.title))
    app.addresses = json_addresses(app, name=card.name, version=card.version)
    # These two are not listed: the route of the metrics needs the instruments, which need this list, and files are
    # never listed.
    methods = {METRICS: {"GET"}, PAGE_TEMPLATE: {"GET"}, **methods_by_template(app)}
    instruments = Instruments(RequestCounters(registry, methods), predictions, rejected_pictures)
    registry.attach()
    app.include_router(metrics_routes(artefact, shared_counters, instruments))
    app.include_router(page_routes())  # the last one, because it matches all other paths
    _add_middleware(app, settings, tracer_provider, errors, instruments.requests)
    return app


def _create_bare_app(settings: Settings, tracer_provider: TracerProvider | None, errors: ErrorResponses) -> Application:
    """Create an application that traces requests and answers errors, but has no routes."""
    app = Application(
        **DOCUMENT_HEAD,
        version=VERSION,
        servers=[{"url": settings.root_path or "/", "description": "This service."}],
        generate_unique_id_function=operation_id,
        telemetry=tracing.telemetry_config(tracer_provider, is_probe),
        docs_url=None,  # scripts of these two pages come from a public server
        redoc_url=None,
        lifespan=exporter.flush_at_shutdown(tracer_provider),
    )
    app.document_steps = (
        partial(document_keys, needs_key=partial(path_needs_key, settings), has_keys=bool(settings.api_keys)),
        partial(complete_document, documented_types=DOCUMENTED_TYPES, error_formats=errors.all_formats),
    )
    errors.install(app)
    return app


def _add_middleware(
    app: FastAPI,
    settings: Settings,
    tracer_provider: TracerProvider | None,
    errors: ErrorResponses,
    requests: RequestCounters,
) -> None:
    """Add all middleware, the innermost one first."""
    app.add_middleware(CompressReplies, paths={METRICS, *PAGE_PATHS})
    app.add_middleware(
        RequestMiddleware,
        requests=requests,
        errors=errors,
        keys=ApiKeys(settings.api_keys, partial(path_needs_key, settings)) if settings.api_keys else None,
        access_log=settings.access_log,
        spans=None if tracer_provider is None else RequestSpans(tracer_provider),
    )
    allow_origins(app, settings.cors_origins)


def is_probe(scope: Scope) -> bool:
    """Tell whether a request is one that load balancers and Prometheus send every few seconds.

    Args:
        scope: ASGI scope of the request.
    Returns:
        True for health checks and scrapes, which get no spans.
    """
    path = route_path(scope)
    return path in PROBES or path == METRICS or is_oip_probe(path)


def path_needs_key(settings: Settings, path: str) -> bool:
    """Decide whether requests for a path need a key, if the service has keys.

    A path needs one unless it is listed as open. So paths that do not exist need one, too.

    Args:
        settings: The settings of the service.
        path: Path of a request, without `root_path`; or the template of a route.
    Returns:
        True if a request needs a key.
    """
    if path == METRICS:
        return settings.metrics_needs_key
    return path not in OPEN_PATHS and not is_oip_probe(path)


def create_process_state(shared_counters: SharedCounters, settings: Settings) -> ProcessState:
    """Create the state of a process.

    Args:
        shared_counters: Counters of all workers.
        settings: The settings of the service.
    Returns:
        State with empty queues.
    """
    return ProcessState(shared_counters, create_admission_queues(settings))


def create_service_counters(settings: Settings) -> SharedCounters:
    """Create the counters that all workers of a service share.

    Args:
        settings: The settings of the service.
    Returns:
        Shared counters that are all zero; a slot holds the counters of one process.
    """
    # The statistics have counters for each batch size.
    counters_per_slot = INSTRUMENT_COUNTERS + number_of_statistics_counters(settings.max_batch_rows)
    return create_shared_counters(counters_per_slot, MAX_PROCESSES)
