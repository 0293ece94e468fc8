"""Private behaviour of uvicorn, which docs/dependencies.md lists.

A test fails if a new version of the dependency behaves differently. It uses the dependency alone, so that the failure
names the assumption and not a symptom in the service.
"""

import asyncio
import inspect
import re
import signal
import socket
from typing import Any

import uvicorn
from uvicorn.protocols import utils
from uvicorn.protocols.http import flow_control, httptools_impl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState


async def app_without_answer(_scope, _receive, _send):
    """Application of servers that receive no request."""


def serve_one_request(protocol, request):
    """Serve a raw request by uvicorn in this event loop, and return the bytes of the answer."""

    async def app(scope, _, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})

    async def serve():
        config = uvicorn.Config(app, http=protocol, ws="none", lifespan="off", log_config=None)
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
        def connection_made(self, transport):
            seen.append("made")
            super().connection_made(transport)
            assert self.connections == {self}
            self.pause_writing()
            assert self.flow.write_paused
            self.resume_writing()
            assert not self.flow.write_paused

        def data_received(self, data):
            seen.append("data")
            super().data_received(data)

        def on_message_begin(self):
            seen.append("begin")
            super().on_message_begin()

        def on_headers_complete(self):
            super().on_headers_complete()
            seen.append((self.url, self.headers, self.parser.should_upgrade(), self.transport.is_closing()))
            assert (self.cycle.keep_alive, self.cycle.more_body, self.cycle.response_complete) == (True, True, False)
            assert self.cycle.scope["path"] == "/"
            assert (self.cycle.disconnected, self.cycle.message_event.is_set()) == (False, False)
            self.cycle.keep_alive = False

        def on_body(self, body):
            super().on_body(body)
            seen.append(bytes(self.cycle.body))

        def on_message_complete(self):
            super().on_message_complete()
            seen.append(self.cycle.more_body)

        def _start_asgi_task(self, cycle, app):
            seen.append("start")
            super()._start_asgi_task(cycle, app)
            assert (cycle.body, cycle.response_complete) == (b"", False)

        def on_response_complete(self):
            super().on_response_complete()
            seen.append((self.cycle.response_complete, self.transport.is_closing()))

    request = b"POST / HTTP/1.1\r\nHost: digits\r\ncontent-length: 2\r\n\r\nab"
    answer = serve_one_request(Protocol, request)
    assert b"connection: close" in answer.lower()
    headers = [(b"host", b"digits"), (b"content-length", b"2")]
    assert seen == ["made", "data", "begin", "start", (b"/", headers, False, False), b"ab", False, (True, True)]


def test_uvicorn_serves_the_next_request_and_starts_the_keep_alive_time_after_an_answer():
    source = inspect.getsource(HttpToolsProtocol.on_response_complete)
    statements = [line.strip() for line in source.splitlines() if line.strip() and not line.strip().startswith("#")]
    assert statements == [
        "def on_response_complete(self) -> None:",
        "self.server_state.total_requests += 1",  # for an option that stops the server, which is not set
        "if self.transport.is_closing():",
        "return",
        "self._unset_keepalive_if_required()",
        "self.flow.resume_reading()",
        "if self.pipeline:",
        "cycle, app = self.pipeline.pop()",
        "self._start_asgi_task(cycle, app)",
        "else:",
        "self.timeout_keep_alive_task = self.loop.call_later(",
        "self.timeout_keep_alive, self.timeout_keep_alive_handler",
        ")",
    ]


def test_uvicorn_controls_the_flow_of_all_requests_by_the_flow_of_the_protocol():
    calls: list[str] = []

    class Flow(flow_control.FlowControl):
        def resume_reading(self):
            calls.append("resume_reading")
            super().resume_reading()

    class Protocol(HttpToolsProtocol):
        def connection_made(self, transport):
            super().connection_made(transport)
            self.flow = Flow(transport)

        def on_headers_complete(self):
            super().on_headers_complete()
            assert self.cycle.flow is self.flow
            self.flow.pause_reading()
            assert self.flow.read_paused

        def on_response_complete(self):
            super().on_response_complete()
            assert not self.flow.read_paused

    serve_one_request(Protocol, b"GET / HTTP/1.1\r\nhost: digits\r\n\r\n")
    assert calls == ["resume_reading"]


def test_uvicorn_creates_the_protocol_with_its_configuration():
    configurations: list[uvicorn.Config] = []

    class Protocol(HttpToolsProtocol):
        def __init__(self, config, server_state, app_state, _loop=None):
            super().__init__(config, server_state, app_state, _loop)
            assert isinstance(server_state, ServerState)
            configurations.append(config)

    serve_one_request(Protocol, b"GET / HTTP/1.1\r\nhost: digits\r\n\r\n")
    assert [type(each) for each in configurations] == [uvicorn.Config]


def test_uvicorn_wakes_an_application_that_waits_for_a_body():
    def mark(cycle):
        cycle.disconnected = True

    assert receive_from_woken_cycle(mark) == {"type": "http.disconnect"}
    assert receive_from_woken_cycle(lambda _: None) == {"type": "http.request", "body": b"", "more_body": True}


def receive_from_woken_cycle(change):
    """Let an application wait for a body, change the state of its request, wake it, and return what it receives."""

    async def receive():
        transport = asyncio.Transport()
        unused = ("scope", "logger", "access_logger", "access_log", "default_headers", "keep_alive", "on_response")
        arguments: dict[str, Any] = {
            **dict.fromkeys(unused),
            "transport": transport,
            "flow": flow_control.FlowControl(transport),
            "message_event": asyncio.Event(),
            "expect_100_continue": False,
        }
        cycle = httptools_impl.RequestResponseCycle(**arguments)
        waiting = asyncio.ensure_future(cycle.receive())
        await asyncio.sleep(0)
        assert cycle.transport is transport
        change(cycle)
        cycle.message_event.set()
        return await asyncio.wait_for(waiting, 10)

    return asyncio.run(receive())


def test_uvicorn_uses_only_the_methods_of_a_transport_that_the_lingering_transport_has():
    source = "".join(map(inspect.getsource, (httptools_impl, flow_control, utils)))
    used = {"write", "close", "is_closing", "pause_reading", "resume_reading", "get_extra_info"}
    only_for_websockets = {"set_protocol"}
    assert set(re.findall(r"\b_?transport\.(\w+)\(", source)) == used | only_for_websockets


def test_uvicorn_calls_the_methods_that_the_graceful_server_overrides_and_raises_no_signal_that_is_not_captured():
    calls: list[str] = []

    class Protocol(HttpToolsProtocol):
        def shutdown(self):
            calls.append("connection")
            super().shutdown()

    class Recorder(uvicorn.Server):
        def handle_exit(self, sig, _):
            calls.append(signal.Signals(sig).name)

        async def on_tick(self, counter):
            calls.append("tick")
            await super().on_tick(counter)
            if not self.server_state.connections:
                return False
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
            return True

        async def shutdown(self, sockets=None):
            calls.append("shutdown")
            await super().shutdown(sockets)

    async def serve():
        config = uvicorn.Config(app_without_answer, http=Protocol, ws="none", lifespan="off", log_config=None)
        listener = socket.create_server(("127.0.0.1", 0))
        task = asyncio.create_task(Recorder(config).serve([listener]))
        _, writer = await asyncio.open_connection(*listener.getsockname())
        await task
        writer.close()
        return listener

    listener = asyncio.run(asyncio.wait_for(serve(), 30))
    assert calls[calls.index("SIGTERM") :] == ["SIGTERM", "SIGINT", "shutdown", "connection"]
    assert set(calls[: calls.index("SIGTERM")]) == {"tick"}
    assert listener.fileno() == -1  # closed


def test_uvicorn_announces_the_end_of_a_connection_that_is_not_kept_alive_and_closes_it():
    seen: list[tuple[bool, bool]] = []

    class Protocol(HttpToolsProtocol):
        def _start_asgi_task(self, cycle, app):
            cycle.keep_alive = False
            seen.append((cycle.response_started, self.transport.is_closing()))
            super()._start_asgi_task(cycle, app)

        def on_response_complete(self):
            seen.append((self.cycle.response_started, self.transport.is_closing()))
            super().on_response_complete()

    answer = serve_one_request(Protocol, b"GET / HTTP/1.1\r\nhost: digits\r\n\r\n")
    assert b"connection: close" in answer
    assert seen == [(False, False), (True, True)]
