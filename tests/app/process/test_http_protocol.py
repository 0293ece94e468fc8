"""The HTTP protocol answers the right request and closes the connection at the right time, whatever arrives when."""

import asyncio
import re

import pytest
import uvicorn
from uvicorn.server import ServerState

from app.http.request_head import MAX_HEAD_BYTES
from app.process.http_protocol import HttpProtocol
from tests.e2e.server import incomplete_request
from tests.transports import RecordingTransport

GET = b"GET / HTTP/1.1\r\nhost: digits\r\n\r\n"
CLOSE = b"GET / HTTP/1.1\r\nhost: digits\r\nconnection: close\r\n\r\n"
UPGRADE = b"GET / HTTP/1.1\r\nhost: digits\r\nconnection: upgrade%b\r\nupgrade: h2c\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: digits\r\ntransfer-encoding: chunked\r\n\r\n"
GARBAGE = b"\0\0\0"


class Connection:
    """A connection to an application that receives the body of a request, and answers when the test allows it.

    Attributes:
        received: The messages that the application has received.
    """

    def __init__(self, *, has_tls=False, reads_body=True):
        self.real = RecordingTransport(has_tls=has_tls)
        self.received: list[dict[str, object]] = []
        self._may_answer = asyncio.Event()
        self._reads_body = reads_body
        config = uvicorn.Config(self._answer, interface="asgi3", loop="none", lifespan="off", log_config=None)
        self.protocol = HttpProtocol(config, ServerState(), {}, asyncio.get_running_loop())
        self.real.set_protocol(self.protocol)
        self.protocol.connection_made(self.real)

    async def _answer(self, _, receive, send):
        while self._reads_body and (not self.received or self.received[-1].get("more_body")):
            self.received.append(await receive())
        await self._may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    async def receive(self, *pieces):
        """Deliver some pieces of the stream, and let the application run."""
        for piece in pieces:
            self.protocol.data_received(piece)
            await self.settle()

    async def answer(self):
        """Let the application answer all requests."""
        self._may_answer.set()
        await self.settle()

    async def settle(self):
        for _ in range(20):
            await asyncio.sleep(0)

    def statuses(self):
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.real.sent)]


def run(conversation, **options):
    """Run a coroutine function that takes a new connection, and return the connection."""

    async def run_with_connection():
        connection = Connection(**options)
        await conversation(connection)
        connection.protocol.connection_lost(None)
        return connection

    return asyncio.run(asyncio.wait_for(run_with_connection(), 10))


def test_connection_whose_last_request_is_complete_closes_without_lingering():
    async def conversation(connection):
        await connection.receive(CLOSE)
        await connection.answer()

    assert run(conversation).real.calls == ["close"]


@pytest.mark.parametrize("pieces", [[CLOSE, GET], [GET + GARBAGE], [GET, GARBAGE]])
def test_bytes_behind_the_last_request_make_the_connection_linger(pieces):
    async def conversation(connection):
        await connection.receive(*pieces)
        await connection.answer()

    connection = run(conversation)
    assert connection.statuses() == [200]
    assert "write_eof" in connection.real.calls


@pytest.mark.parametrize("closing", [b"", b", close"])
def test_bytes_behind_an_offer_to_upgrade_that_closes_are_ignored(closing):
    async def conversation(connection):
        await connection.receive(UPGRADE % closing, GET)
        await connection.answer()

    assert run(conversation).statuses() == ([200] if closing else [200, 200])


@pytest.mark.parametrize("rest", [b"\r\n\r\n", b"x\r\n\r\n" + GET])
def test_head_over_the_limit_behind_a_request_that_waits_is_ignored_to_its_end(rest):
    async def conversation(connection):
        await connection.receive(GET)
        cycle = connection.protocol.cycle
        await connection.receive(GET[:-4] + b"\r\nx: " + b"x" * MAX_HEAD_BYTES, rest)
        assert connection.protocol.cycle is cycle
        await connection.answer()

    assert run(conversation).statuses() == [200]


def test_invalid_part_of_a_body_is_answered_at_once_and_ends_the_wait_of_the_application():
    async def conversation(connection):
        await connection.receive(CHUNKED, b"zz\r\n")
        assert connection.statuses() == [400]
        assert connection.received == [{"type": "http.disconnect"}]

    run(conversation)


def test_invalid_part_of_a_body_that_is_answered_already_gets_no_second_answer():
    async def conversation(connection):
        await connection.receive(CHUNKED)
        await connection.answer()
        await connection.receive(b"zz\r\n")

    connection = run(conversation, reads_body=False)
    assert connection.statuses() == [200]
    assert connection.protocol.transport.is_closing()


def test_garbage_behind_an_answered_request_gets_a_400():
    async def conversation(connection):
        await connection.receive(CHUNKED)
        await connection.answer()
        await connection.receive(b"0\r\n\r\n", GARBAGE)

    assert run(conversation, reads_body=False).statuses() == [200, 400]


def is_keep_alive_time_running(connection):
    return connection.protocol.timeout_keep_alive_task is not None


@pytest.mark.parametrize("size", [1, 20, len(GET) - 1])
def test_keep_alive_time_does_not_run_while_a_head_arrives(size):
    async def conversation(connection):
        await connection.receive(GET + GET[:size])
        await connection.answer()
        assert not is_keep_alive_time_running(connection)
        await connection.receive(GET[size:])
        assert is_keep_alive_time_running(connection)
        await connection.receive(GET[:size])
        assert not is_keep_alive_time_running(connection)

    assert run(conversation).statuses() == [200, 200]


@pytest.mark.parametrize("piece", [b"1\r\nx\r\n", b"0\r\n\r\n", b"0\r\n\r\n\r\n"])
def test_keep_alive_time_runs_on_while_the_rest_of_an_answered_body_arrives(piece):
    async def conversation(connection):
        await connection.receive(CHUNKED)
        await connection.answer()
        await connection.receive(piece)
        assert is_keep_alive_time_running(connection)

    run(conversation, reads_body=False)


@pytest.mark.parametrize("has_tls", [False, True])
def test_connection_stays_open_for_an_answer_unless_it_has_tls(has_tls):
    async def conversation(connection):
        await connection.receive(GET)
        assert connection.protocol.eof_received() is not has_tls
        await connection.answer()

    connection = run(conversation, has_tls=has_tls)
    assert connection.statuses() == [200]
    assert connection.real.calls == ["close"]


def test_applications_of_a_lost_connection_are_told():
    async def conversation(connection):
        await connection.receive(incomplete_request() + GET)
        connection.protocol.connection_lost(ConnectionResetError())
        await connection.settle()

    assert run(conversation).received[-1] == {"type": "http.disconnect"}


def test_body_that_the_application_does_not_receive_is_not_kept():
    async def conversation(connection):
        await connection.receive(incomplete_request() + bytes(100))
        assert len(connection.protocol.cycle.body) > 100
        await connection.answer()
        assert connection.protocol.cycle.body == b""

    run(conversation, reads_body=False)
