"""`add_flat_routes` moves routes, and raises an error where a moved route would lose something."""

import pytest
from fastapi import APIRouter, Depends, FastAPI

from app import main
from app.http.routing import add_flat_routes
from app.settings import Settings


async def answer():
    return "answer"


@pytest.fixture
def source():
    router = APIRouter()
    router.add_api_route("/a", answer)
    router.add_api_route("/b", answer)
    return router


def test_add_flat_routes_moves_the_routes_in_order(source):
    target = APIRouter()
    target.add_api_route("/first", answer)
    first = target.routes[0]
    add_flat_routes(target, source)
    assert target.routes == [first, *source.routes]
    assert [route.path for route in target.routes] == ["/first", "/a", "/b"]


def test_add_flat_routes_raises_if_the_target_has_dependencies(source):
    target = APIRouter(dependencies=[Depends(answer)])
    with pytest.raises(ValueError, match="would lose dependencies;"):
        add_flat_routes(target, source)
    assert target.routes == []


def test_add_flat_routes_raises_if_the_source_has_start_up_handlers(source):
    source.on_startup.append(answer)
    target = APIRouter()
    with pytest.raises(ValueError, match="would lose on_startup;"):
        add_flat_routes(target, source)
    assert target.routes == []


def test_add_flat_routes_raises_if_the_source_has_only_routes_to_files(tmp_path):
    source = APIRouter()
    source.frontend("/", directory=tmp_path, fallback=None)
    with pytest.raises(ValueError, match="would lose routes to files;"):
        add_flat_routes(APIRouter(), source)


def test_create_app_raises_if_the_application_has_dependencies(artefact, monkeypatch):
    """The routes would not inherit the dependencies, for example a check of an API key."""

    def create_app_with_dependencies(**options):
        app = FastAPI(**options)
        app.router.dependencies.append(Depends(answer))
        return app

    monkeypatch.setattr(main, "FastAPI", create_app_with_dependencies)
    with pytest.raises(ValueError, match="would lose dependencies;"):
        main.create_app(artefact, Settings())
