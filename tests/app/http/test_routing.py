"""`add_flat_routes` moves routes, and raises an error where a moved route would lose something."""

from contextlib import asynccontextmanager

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import PlainTextResponse

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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prefix", "/prefix"),
        ("tags", ["tag"]),
        ("dependencies", [Depends(answer)]),
        ("responses", {404: {}}),
        ("callbacks", [APIRouter()]),
        ("deprecated", True),
        ("include_in_schema", False),
        ("max_body_size", 10),
        ("form_limits", {"max_fields": 1}),
        ("default_response_class", PlainTextResponse),
        ("generate_unique_id_function", str),
        ("strict_content_type", False),
    ],
)
def test_add_flat_routes_raises_if_the_routes_would_inherit_from_the_target(source, name, value):
    target = APIRouter(**{name: value})
    with pytest.raises(ValueError, match=f"would lose {name};"):
        add_flat_routes(target, source)
    assert target.routes == []


@pytest.mark.parametrize("name", ["on_startup", "on_shutdown"])
def test_add_flat_routes_raises_if_the_source_has_event_handlers(source, name):
    getattr(source, name).append(answer)
    target = APIRouter()
    with pytest.raises(ValueError, match=f"would lose {name};"):
        add_flat_routes(target, source)
    assert target.routes == []


def test_add_flat_routes_raises_if_the_source_has_a_lifespan():
    @asynccontextmanager
    async def lifespan(_):
        yield

    with pytest.raises(ValueError, match="would lose lifespan;"):
        add_flat_routes(APIRouter(), APIRouter(lifespan=lifespan))


def test_add_flat_routes_raises_if_the_source_has_routes_to_files(source, tmp_path):
    source.frontend("/", directory=tmp_path, fallback=None)
    with pytest.raises(ValueError, match="would lose _frontend_routes;"):
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
