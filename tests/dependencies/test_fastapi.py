"""Private behaviour of FastAPI, Starlette and pydantic, which docs/dependencies.md lists.

A test fails if a new version of the dependency behaves differently. It uses the dependency alone, so that the failure
names the assumption and not a symptom in the service.
"""

import gc
import re
import weakref
from functools import partial, update_wrapper
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi.dependencies import models
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse
from fastapi.routing import APIRoute, iter_route_contexts
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import Field, Tag, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from app.http.error_responses import VAGUE_DETAIL
from app.http.openapi import FRAMEWORK_ERRORS
from app.observability.tracing import telemetry_config
from tests.asgi import call, request_scope
from tests.conftest import ROOT, InProcess


def test_fastapi_lists_included_routes_with_their_path_methods_and_dependencies():
    app, router, dependency = FastAPI(), APIRouter(prefix="/a"), Depends(lambda: None)

    @router.post("/b")
    async def endpoint() -> int:
        return 1

    app.include_router(router, dependencies=[dependency])
    (context,) = [context for context in iter_route_contexts(app.routes) if context.path == "/a/b"]
    assert context.methods == {"POST"}
    assert context.dependencies == [dependency]
    route = context.original_route
    assert route is router.routes[0]
    assert isinstance(route, APIRoute)
    assert route.path == "/a/b"


def test_fastapi_does_not_list_routes_to_files(tmp_path):
    app = FastAPI(openapi_url=None)
    app.frontend("/", directory=tmp_path, fallback=None)
    assert list(iter_route_contexts(app.routes)) == []


class CallableObject:
    """An endpoint that is an object: `update_wrapper` gives it the name, types and docstring of a function."""

    def __init__(self, function):
        update_wrapper(self, function)

    def __call__(self, *_):
        raise AssertionError


def test_fastapi_documents_the_function_that_an_endpoint_wraps():
    async def documented(count: int) -> list[int]:
        """Describe it."""
        return [count]

    app, endpoint = FastAPI(), CallableObject(documented)
    app.post("/a/{name}")(endpoint)
    (route,) = [route for route in app.routes if isinstance(route, APIRoute)]
    assert route.path == "/a/{name}"
    assert route.endpoint is endpoint
    assert list(route.param_convertors) == ["name"]
    operation = app.openapi()["paths"]["/a/{name}"]["post"]
    assert (operation["summary"], operation["description"]) == ("Documented", "Describe it.")
    assert [parameter["name"] for parameter in operation["parameters"]] == ["count"]
    assert operation["responses"]["200"]["content"]["application/json"]["schema"]["type"] == "array"


def test_fastapi_documents_its_own_error_by_two_schemas_and_keeps_the_document():
    app = FastAPI()

    @app.get("/{number}", responses={404: {"description": "Missing."}})
    def endpoint(number: int) -> int:
        return number

    document = app.openapi()
    assert set(document["components"]["schemas"]) == set(FRAMEWORK_ERRORS)
    responses = document["paths"]["/{number}"]["get"]["responses"]
    assert [status for status, response in responses.items() if FRAMEWORK_ERRORS[0] in str(response)] == ["422"]
    assert FRAMEWORK_ERRORS[1] in str(document["components"]["schemas"][FRAMEWORK_ERRORS[0]])
    assert app.openapi() is document


def test_starlette_calls_an_application_of_fastapi_without_its_telemetry():
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = FastAPI(telemetry=telemetry_config(provider, lambda _: False))

    @app.get("/")
    async def endpoint() -> int:
        return 1

    assert InProcess(partial(Starlette.__call__, app)).get("/").json() == 1
    assert exporter.get_finished_spans() == ()
    assert InProcess(app).get("/").json() == 1
    assert [span.name for span in exporter.get_finished_spans()] == ["GET /"]


def test_starlette_sends_the_raw_headers_and_the_body_of_a_response():
    class BareResponse(Response):
        def __init__(self):
            self.status_code, self.body, self.background = 201, b"body", None
            self.raw_headers = [(b"content-length", b"4"), (b"x", b"y")]

    reply = InProcess(BareResponse()).get("/")
    assert (reply.status_code, reply.text) == (201, "body")
    assert dict(reply.headers) == {"content-length": "4", "x": "y"}


def test_starlette_gives_the_error_404_the_detail_that_the_service_replaces():
    assert HTTPException(404).detail == VAGUE_DETAIL


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


def test_fastapi_keeps_endpoints_of_former_applications_only_in_caches_that_can_be_cleared():
    async def endpoint():
        return {}

    app = FastAPI()
    app.get("/")(endpoint)
    assert InProcess(app).get("/").status_code == 200
    kept = weakref.ref(endpoint)
    del app, endpoint
    gc.collect()
    assert kept() is not None
    for function in vars(models).values():
        if clear := getattr(function, "cache_clear", None):
            clear()
    gc.collect()
    assert kept() is None


def test_fastapi_writes_one_inline_script_into_the_page_of_the_documentation():
    page = get_swagger_ui_html(openapi_url="document", title="", swagger_js_url="script", swagger_css_url="style")
    text = bytes(page.body).decode()
    assert re.findall("<script(.*?)>", text) == [' src="script"', ""]
    assert text.count("</script>") == 2
    assert not re.findall("(?:src|href)=.?http", text.replace("https://fastapi.tiangolo.com/img/favicon.png", ""))


def test_starlette_answers_a_preflight_request_by_a_method():
    class Recorder(CORSMiddleware):
        def preflight_response(self, request_headers):
            answered.append(request_headers["origin"])
            return super().preflight_response(request_headers)

    answered: list[str] = []
    client = InProcess(Recorder(FastAPI(), allow_origins=["https://a.example"]))
    headers = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    assert client.request("OPTIONS", "/", headers=headers).status_code == 200
    assert answered == ["https://a.example"]


def test_starlette_sends_a_file_in_pieces_of_its_chunk_size(tmp_path):
    (tmp_path / "file").write_bytes(bytes(25))
    response = FileResponse(tmp_path / "file")
    response.chunk_size = 10
    sent = call(response, request_scope("/", method="GET"))
    assert [len(message.get("body", b"")) for message in sent] == [0, 10, 10, 5]
