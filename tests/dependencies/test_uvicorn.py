"""Private behaviour of uvicorn, which docs/dependencies.md lists.

A test fails if a new version of the dependency behaves differently. It uses the dependency alone, so that the failure
names the assumption and not a symptom in the service.
"""

import asyncio
import signal
import socket
from multiprocessing.context import SpawnProcess
from types import MethodType

import uvicorn
from uvicorn._subprocess import get_subprocess
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess


async def app_without_answer(*_):
    """Application of servers that receive no request."""


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
    seen: list[object] = []

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
    assert seen[1] == (True, True, False)


def test_uvicorn_creates_the_application_in_the_event_loop_after_it_has_set_its_signal_handlers():
    handlers: list[MethodType] = []
    serve_one_request(HttpToolsProtocol, b"GET / HTTP/1.1\r\nhost: digits\r\n\r\n", handlers.append)
    (handler,) = handlers
    assert isinstance(handler.__self__, uvicorn.Server)
    assert handler.__self__.should_exit is True  # setting it stopped the server


def test_uvicorn_raises_a_captured_signal_again_after_the_server_has_stopped(monkeypatch):
    raised: list[int] = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    server = uvicorn.Server(uvicorn.Config(app_without_answer))
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

    with socket.socket() as listener:
        supervisor = Recorder(uvicorn.Config(app_without_answer), [listener])
        supervisor.run()
    assert calls == ["handle_term", "keep_subprocess_alive", "terminate_all"]
    assert (supervisor.processes, supervisor.sockets) == ([], [listener])


def test_uvicorn_starts_workers_by_the_method_spawn():
    assert isinstance(get_subprocess(uvicorn.Config(app_without_answer), print, []), SpawnProcess)
