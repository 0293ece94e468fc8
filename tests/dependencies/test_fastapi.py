"""Private behaviour of FastAPI, Starlette and pydantic, which docs/dependencies.md lists.

A test fails if a new version of the dependency behaves differently. It uses the dependency alone, so that the failure
names the assumption and not a symptom in the service.
"""

from contextlib import asynccontextmanager
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.routing import iter_route_contexts
from pydantic import Field, Tag, TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY

from app.http.error_responses import VAGUE_DETAILS
from app.http.routing import INHERITED, TAKEN_OVER
from tests.conftest import ROOT, InProcess


def test_fastapi_serves_and_documents_routes_that_are_added_to_the_list_of_routes():
    app, router = FastAPI(), APIRouter(prefix="/a")

    @router.get("/b")
    async def endpoint() -> int:
        return 1

    app.router.routes += router.routes
    assert InProcess(app).get("/a/b").json() == 1
    assert "/a/b" in app.openapi()["paths"]


def test_fastapi_routers_have_the_attributes_that_flat_routes_do_not_inherit():
    for name in (*INHERITED, *TAKEN_OVER):
        assert getattr(FastAPI().router, name) == getattr(APIRouter(), name)  # of an application without options
    assert FastAPI().router.strict_content_type
    assert APIRouter().strict_content_type  # a placeholder, which is true but does not equal True
    with_lifespan = APIRouter(lifespan=asynccontextmanager(lambda _: iter(())))
    assert type(APIRouter().lifespan_context) is type(FastAPI().router.lifespan_context)
    assert type(APIRouter().lifespan_context) is not type(with_lifespan.lifespan_context)


def test_fastapi_keeps_routes_to_files_outside_of_the_list_of_routes(tmp_path):
    router = APIRouter()
    assert not getattr(router, TAKEN_OVER[-1])
    router.frontend("/", directory=tmp_path, fallback=None)
    assert router.routes == []
    assert getattr(router, TAKEN_OVER[-1])


def test_fastapi_lists_included_routes_with_their_path_methods_and_dependencies():
    app, router = FastAPI(), APIRouter()

    @router.post("/b")
    async def endpoint() -> int:
        return 1

    app.include_router(router, prefix="/a", dependencies=[Depends(lambda: None)])
    (context,) = [context for context in iter_route_contexts(app.routes) if context.path == "/a/b"]
    assert context.methods == {"POST"}
    assert len(context.dependencies) == 1
    assert context.original_route is router.routes[0]
    assert context.original_route.max_body_size is None


def test_fastapi_answers_a_body_over_the_limit_in_plain_text_and_writes_the_limit_to_the_scope():
    app, limits = FastAPI(), []

    @app.post("/", max_body_size=10)
    async def endpoint(request: Request) -> int:
        limits.append(request.scope[MAX_BODY_SIZE_SCOPE_KEY])
        return len(await request.body())

    assert InProcess(app).post("/", content=b"x" * 10).json() == 10
    response = InProcess(app).post("/", content=b"x" * 11)
    assert (response.status_code, response.headers["content-type"]) == (413, "text/plain; charset=utf-8")
    assert set(limits) == {10}


def test_starlette_gives_http_errors_the_details_that_the_service_replaces():
    app, details = FastAPI(), [HTTPException(404).detail]

    @app.post("/", max_body_size=10)
    async def endpoint(request: Request) -> int:
        try:
            return len(await request.body())
        except HTTPException as error:
            details.append(error.detail)
            raise

    async def body_without_length():
        yield b"x" * 11

    assert InProcess(app).post("/", content=body_without_length()).status_code == 413
    assert tuple(details) == VAGUE_DETAILS


def test_fastapi_writes_the_route_to_the_scope_except_for_files():
    app, routes = FastAPI(), {}

    class RecordRoute:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            await self.app(scope, receive, send)
            routes[scope["path"]] = getattr(scope.get("route"), "path", None)

    @app.get("/a/{name}")
    async def endpoint(name: str) -> str:
        return name

    app.frontend("/", directory=ROOT / "app" / "page", fallback=None)
    app.add_middleware(RecordRoute)
    for path in ("/a/b", "/index.html"):
        assert InProcess(app).get(path).status_code == 200
    assert routes == {"/a/b": "/a/{name}", "/index.html": None}


def test_pydantic_puts_the_tag_of_each_member_of_a_union_into_the_location_of_its_errors():
    flat = Annotated[list[float], Field(fail_fast=True), Tag("flat")]
    rows = Annotated[list[list[float]], Field(fail_fast=True), Tag("rows")]
    union = TypeAdapter(Annotated[flat | rows, Field(union_mode="left_to_right")])
    with pytest.raises(ValidationError) as caught:
        union.validate_json(b'[[1, "x"], "y"]')
    assert [error["loc"] for error in caught.value.errors()] == [("flat", 0), ("rows", 0, 1)]
