"""Each test guards one use of private behaviour of a dependency that docs/dependencies.md lists.

A test here fails if a new version of the dependency behaves differently. It uses the dependency alone, so that the
failure names the assumption and not a symptom in the service.
"""

import asyncio
import re
import signal
import socket
from io import BytesIO
from multiprocessing.context import SpawnProcess, assert_spawning
from types import SimpleNamespace
from typing import Annotated

import pytest
import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.routing import iter_route_contexts
from opentelemetry import trace
from PIL import Image, PngImagePlugin
from prometheus_client import exposition
from prometheus_client.metrics_core import GaugeMetricFamily
from pydantic import Field, Tag, TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from uvicorn._subprocess import get_subprocess
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

from app.http.error_responses import VAGUE_DETAILS
from app.http.routing import INHERITED, TAKEN_OVER
from tests.conftest import ROOT, InProcess

DOCUMENT = (ROOT / "docs" / "dependencies.md").read_text()


def test_the_document_names_every_test_of_this_module_and_no_other():
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", DOCUMENT))
    defined = {name for name in globals() if name.startswith("test_")}
    assert named == defined - {"test_the_document_names_every_test_of_this_module_and_no_other"}


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
        assert not getattr(APIRouter(), name)
    assert APIRouter(dependencies=[Depends(lambda: None)]).dependencies
    assert APIRouter(max_body_size=1).max_body_size == 1


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


def serve_one_request(protocol, request, on_create=lambda _: None):
    """Serve a raw request by uvicorn in this event loop, and return the bytes of the answer."""

    async def app(scope, _, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})

    def create_app():
        on_create(signal.getsignal(signal.SIGTERM))
        asyncio.get_running_loop()
        return app

    async def serve():
        config = uvicorn.Config(create_app, factory=True, http=protocol, ws="none", lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        listener = socket.create_server(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve([listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())  # waits in the queue until the start
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        server.should_exit = True
        await task
        return answer

    return asyncio.run(asyncio.wait_for(serve(), 30))


def test_uvicorn_parses_requests_with_the_hooks_and_attributes_that_the_protocol_uses():
    seen = []

    class Protocol(HttpToolsProtocol):
        def data_received(self, data):
            seen.append("data")
            super().data_received(data)

        def on_headers_complete(self):
            super().on_headers_complete()
            seen.append((self.parser.should_upgrade(), self.cycle.keep_alive, self.transport.is_closing()))
            self.cycle.keep_alive = False

        def on_body(self, body):
            seen.append(body)
            super().on_body(body)

    head = b"POST / HTTP/1.1\r\nhost: digits\r\ncontent-length: 2\r\n\r\nab"
    answer = serve_one_request(Protocol, head)
    assert b"connection: close" in answer.lower()
    assert seen == ["data", (False, True, False), b"ab"]
    seen.clear()
    serve_one_request(Protocol, head.replace(b"content-length: 2", b"connection: upgrade\r\nupgrade: h2c"))
    assert seen[1][0] is True


def test_uvicorn_creates_the_application_in_the_event_loop_after_it_has_set_its_signal_handlers():
    handlers = []
    serve_one_request(HttpToolsProtocol, b"GET / HTTP/1.1\r\nhost: digits\r\n\r\n", handlers.append)
    (handler,) = handlers
    assert isinstance(handler.__self__, uvicorn.Server)
    assert handler.__self__.should_exit is True  # setting it stopped the server


def test_uvicorn_raises_a_captured_signal_again_after_the_server_has_stopped(monkeypatch):
    raised = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    server = uvicorn.Server(uvicorn.Config(None))
    with server.capture_signals():
        server.handle_exit(signal.SIGTERM, None)
    assert raised == [signal.SIGTERM]


def test_uvicorn_supervisors_call_the_methods_that_the_supervisor_overrides(monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    calls = []

    class Recorder(Multiprocess):
        def init_processes(self):
            self.signal_queue.append(signal.SIGTERM)

        def handle_term(self):
            calls.append("handle_term")
            super().handle_term()

        def keep_subprocess_alive(self):
            calls.append("keep_subprocess_alive")
            super().keep_subprocess_alive()

        def terminate_all(self):
            calls.append("terminate_all")
            super().terminate_all()

    supervisor = Recorder(uvicorn.Config(None), sockets := [SimpleNamespace()])
    supervisor.run()
    assert calls == ["handle_term", "keep_subprocess_alive", "terminate_all"]
    assert (supervisor.processes, supervisor.sockets) == ([], sockets)


def test_uvicorn_starts_workers_by_the_method_spawn():
    assert isinstance(get_subprocess(uvicorn.Config(None), print, []), SpawnProcess)


def test_multiprocessing_knows_whether_a_process_is_being_started():
    with pytest.raises(RuntimeError, match="SimpleNamespace"):
        assert_spawning(SimpleNamespace())


def test_pillow_limits_comments_by_the_constant_that_the_decoder_sets(monkeypatch):
    comments = PngImagePlugin.PngInfo()
    comments.add_text("comment", "x" * 2000, zip=True)
    file = BytesIO()
    Image.new("L", (1, 1)).save(file, "PNG", pnginfo=comments)
    monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_MEMORY", 1000)
    with pytest.raises(ValueError, match="memory"), Image.open(BytesIO(file.getvalue())) as picture:
        picture.load()


def test_pillow_copies_the_information_of_a_picture_into_each_crop():
    picture = Image.new("L", (2, 2))
    picture.info = {"transparency": 0}
    assert picture.crop((0, 0, 1, 1)).info == {"transparency": 0}


def test_prometheus_client_writes_the_metrics_of_any_collector():
    collector = SimpleNamespace(collect=lambda: [GaugeMetricFamily("a", "B.", 1)])
    assert exposition.generate_latest(collector) == b"# HELP a B.\n# TYPE a gauge\na 1.0\n"


def test_opentelemetry_has_a_proxy_provider_until_another_library_sets_one_up():
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
