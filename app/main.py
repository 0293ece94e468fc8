"""The application: `create_app` builds it from its arguments and reads no environment variable or weights."""

from collections.abc import Callable

from fastapi import FastAPI
from opentelemetry.trace import TracerProvider
from starlette.types import Scope

from app.api.health import PROBES, health_routes
from app.api.metrics import METRICS, metrics_routes
from app.api.page import PAGE_TEMPLATE, page_routes
from app.api.picture import picture_routes
from app.api.predict import predict_routes
from app.http.error_responses import ErrorResponses
from app.http.fast_path import FastPath, find_fast_routes
from app.http.middleware import RequestMiddleware
from app.http.routing import add_flat_routes, methods_by_template
from app.http.scope import route_path
from app.observability import exporter, tracing
from app.observability.counter_registry import CounterRegistry
from app.observability.instruments import INSTRUMENT_COUNTERS, create_instruments
from app.observability.shared_counters import SharedCounters, create_shared_counters
from app.oip.codec.statistics import OipStatistics, number_of_statistics_counters
from app.oip.error_format import OIP_ERROR_FORMAT, OIP_PREFIX, install_codec_error_handler
from app.oip.routes import is_oip_probe, oip_routes
from app.predictor import Predictor
from app.settings import Settings
from model import Artefact

VERSION = "0.6.0"
# Four times the largest value of the setting `workers`, 64. uvicorn starts one more worker on each SIGTTIN, and
# replacements start before old workers end.
MAX_PROCESSES = 256


def create_app(
    artefact: Artefact,
    settings: Settings,
    is_draining: Callable[[], bool] = lambda: False,
    shared_counters: SharedCounters | None = None,
    tracer_provider: TracerProvider | None = None,
) -> FastAPI:
    """Create the application.

    Args:
        artefact: The verified weights and their card (name, version, held-out accuracy).
        settings: The settings of the service.
        is_draining: Function that returns True once the service is shutting down.
        shared_counters: Counters of all workers; by default the application gets counters of its own.
        tracer_provider: Provider that receives the spans, or None for no tracing.
    Returns:
        The application.
    Raises:
        SharedCountersError: The shared counters have no free slot; a slot holds the counters of one process.
    """
    shared_counters = shared_counters or create_service_counters(settings)
    registry = CounterRegistry(shared_counters)
    instruments = create_instruments(registry)
    oip_statistics = OipStatistics(registry, settings.max_batch_rows)
    errors = ErrorResponses({OIP_PREFIX: OIP_ERROR_FORMAT})
    app = _create_bare_app(tracer_provider, errors)
    is_traced = tracer_provider is not None
    tracing_observers = [tracing.set_batch_size] if is_traced else []
    predictor = Predictor(artefact.network, instruments.predictions.count, *tracing_observers)
    for router in (
        predict_routes(predictor, settings),
        picture_routes(predictor, settings, instruments.rejected_pictures),
        oip_routes(artefact, predictor, settings, is_draining, oip_statistics),
        metrics_routes(artefact, shared_counters, instruments),
        health_routes(is_draining),
    ):
        add_flat_routes(app.router, router)
    # `add_flat_routes` rejects routes to files. This route comes last, because it matches all other paths.
    app.include_router(page_routes())
    if not is_traced:  # the framework creates spans only for requests that go through it
        app.add_middleware(FastPath, routes=find_fast_routes(app))
    app.add_middleware(
        RequestMiddleware,
        requests=instruments.requests,
        errors=errors,
        access_log=settings.access_log,
        is_traced=is_traced,
    )
    # `methods_by_template` does not list the route to files.
    instruments.requests.register_routes({PAGE_TEMPLATE: {"GET"}, **methods_by_template(app)})
    registry.attach()  # claims a slot of the shared counters, now that every instrument has its counters
    return app


def _create_bare_app(tracer_provider: TracerProvider | None, errors: ErrorResponses) -> FastAPI:
    """Create an application that traces requests and answers errors, but has no routes."""
    app = FastAPI(
        title="Digits",
        summary="Recognises handwritten digits with a neural network written in plain NumPy.",
        version=VERSION,
        license_info={"name": "MIT", "identifier": "MIT"},
        telemetry=tracing.telemetry_config(tracer_provider, is_probe),
        lifespan=exporter.flush_at_shutdown(tracer_provider),
    )
    errors.install(app)
    install_codec_error_handler(app, errors)
    return app


def is_probe(scope: Scope) -> bool:
    """Tell whether a request is one that load balancers and Prometheus send every few seconds.

    Args:
        scope: ASGI scope of the request.
    Returns:
        True for health checks and scrapes, which get no spans.
    """
    path = route_path(scope)
    return path in PROBES or path == METRICS or is_oip_probe(path)


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
