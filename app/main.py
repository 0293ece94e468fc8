"""The service, composed: every collaborator comes in as a value, and nothing is read from disk."""

from collections.abc import Callable

from fastapi import FastAPI

from app import problems
from app.counts import Counts
from app.reader import Reader
from app.routes.health import health_routes
from app.routes.metrics import metrics_routes
from app.routes.oip import oip_routes
from app.routes.page import page_routes
from app.routes.picture import picture_routes
from app.routes.predict import predict_routes
from app.settings import Settings
from app.telemetry import Telemetry
from model import Artefact

VERSION = "0.4.0"


def create_app(
    artefact: Artefact, settings: Settings, is_draining: Callable[[], bool] = lambda: False
) -> FastAPI:
    """Compose the service.

    Args:
        artefact: The verified weights and their card.
        settings: What the operator set.
        is_draining: Says whether the process is about to stop, for `/readyz`.
    Returns:
        The application.
    """
    counts = Counts()
    app = FastAPI(
        title="Digits",
        summary="Recognises handwritten digits with a neural network written in plain NumPy.",
        version=VERSION,
        license_info={"name": "MIT", "identifier": "MIT"},
    )
    app.add_middleware(Telemetry, counts=counts, access_log=settings.access_log)
    problems.install(app)
    reader = Reader(artefact.network, counts)
    app.include_router(predict_routes(reader, settings))
    app.include_router(picture_routes(reader, settings))
    app.include_router(oip_routes(artefact, reader, settings, is_draining))
    app.include_router(metrics_routes(artefact, counts))
    app.include_router(health_routes(is_draining))
    app.include_router(page_routes())
    return app
