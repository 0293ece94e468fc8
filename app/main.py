"""The service, composed: every collaborator comes in as a value, and nothing is read from disk."""

from collections.abc import Callable

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from opentelemetry.trace import TracerProvider

from app import exporter, problems, tracing
from app.metrics.board import Board, new_board
from app.metrics.instruments import CELLS, Requests, instruments_on
from app.metrics.layout import Layout
from app.oip.statistics import Statistics, statistics_cells
from app.reader import Reader
from app.routes.health import health_routes
from app.routes.metrics import metrics_routes
from app.routes.oip import oip_routes
from app.routes.page import TEMPLATE, page_routes
from app.routes.picture import picture_routes
from app.routes.predict import predict_routes
from app.settings import Settings
from app.shortcut import Shortcut, shortcuts
from app.telemetry import Telemetry
from model import Artefact

VERSION = "0.6.0"
# Four times what may be asked for: signals can add workers, and replace them before they end.
MAX_PROCESSES = 256


def create_app(
    artefact: Artefact,
    settings: Settings,
    is_draining: Callable[[], bool] = lambda: False,
    board: Board | None = None,
    tracer_provider: TracerProvider | None = None,
) -> FastAPI:
    """Compose the service.

    Args:
        artefact: The verified weights and their card.
        settings: What the operator set.
        is_draining: Says whether the process is about to stop, for `/readyz`.
        board: Where the service's processes count; a board of its own if there are no others.
        tracer_provider: Where traces go, if there are any.
    Returns:
        The application.
    Raises:
        BoardError: It cannot count together with the other processes.
    """
    board = board or service_board(settings)
    layout = Layout(board)
    instruments = instruments_on(layout)
    app = _bare_app(tracer_provider)
    reader = Reader(artefact.network, instruments.predictions.count, *tracing.observers(tracer_provider))
    for router in (
        predict_routes(reader, settings),
        picture_routes(reader, settings, instruments.refusals),
        oip_routes(artefact, reader, settings, is_draining, Statistics(layout, settings.max_batch_rows)),
        metrics_routes(artefact, board, instruments),
        health_routes(is_draining),
    ):
        # Not included: that would add nothing that these routers have not, and search each twice a request.
        app.router.routes += router.routes
    app.include_router(page_routes())  # files come after all routes, and have to be included
    is_traced = tracer_provider is not None
    _wrap(app, instruments.requests, access_log=settings.access_log, is_traced=is_traced)
    instruments.requests.name_routes(methods_by_template(app))
    layout.seal()
    return app


def _bare_app(tracer_provider: TracerProvider | None) -> FastAPI:
    """Make an application that traces requests and answers errors, but has no routes."""
    app = FastAPI(
        title="Digits",
        summary="Recognises handwritten digits with a neural network written in plain NumPy.",
        version=VERSION,
        license_info={"name": "MIT", "identifier": "MIT"},
        telemetry=tracing.configuration(tracer_provider),
        lifespan=exporter.flushing(tracer_provider),
    )
    problems.install(app)
    return app


def _wrap(app: FastAPI, requests: Requests, *, access_log: bool, is_traced: bool) -> None:
    """Put layers around an application that has its routes; the last is the outermost."""
    if not is_traced:  # the framework's spans know only what went its way
        app.add_middleware(Shortcut, routes=shortcuts(app))
    app.add_middleware(Telemetry, requests=requests, access_log=access_log, is_traced=is_traced)


def service_board(settings: Settings) -> Board:
    """Make the board on which the processes of a service count.

    Args:
        settings: What the operator set.
    Returns:
        A board.
    """
    return new_board(CELLS + statistics_cells(settings.max_batch_rows), MAX_PROCESSES)


def methods_by_template(app: FastAPI) -> dict[str, set[str]]:
    """List the routes of an application.

    Args:
        app: The application.
    Returns:
        What each template can be asked, in alphabetical order.
    """
    methods: dict[str, set[str]] = {TEMPLATE: {"GET"}}  # the page's is not in the framework's list
    for route in iter_route_contexts(app.routes):
        if route.path is not None:
            methods.setdefault(route.path, set()).update(route.methods or ())
    return dict(sorted(methods.items()))
