"""During the shutdown, each connection closes after its next answer, or after a second without a request."""

import pytest

from app.process.connection_limits import ConnectionLimits
from app.settings import Settings
from tests.connections import GET, closes_at, run
from tests.e2e.server import incomplete_request


def test_request_in_progress_is_answered_and_the_answer_says_that_the_connection_closes():
    async def conversation(connection):
        await connection.receive(GET)
        connection.shut_down()
        connection.clock.move_to(9)  # the application takes its time
        await connection.answer()

    connection = run(conversation)
    assert connection.statuses() == [200]
    assert b"connection: close" in connection.real.sent
    assert connection.real.is_closing()


def test_idle_connection_gets_one_more_answer():
    async def conversation(connection):
        await connection.receive(GET)
        await connection.answer()
        connection.shut_down()
        connection.clock.move_to(0.9)
        await connection.receive(GET)

    connection = run(conversation)
    first, second = connection.real.sent.split(b"HTTP/1.1 200")[1:]
    assert b"connection: close" not in first
    assert b"connection: close" in second
    assert connection.real.is_closing()


@pytest.mark.parametrize("before", [b"", GET])
def test_connection_without_a_request_closes_a_second_later(before):
    async def conversation(connection):
        if before:
            await connection.receive(before)
            await connection.answer()
        connection.clock.move_to(3)
        connection.shut_down()
        assert closes_at(connection, 4)

    run(conversation)


def test_head_that_is_not_complete_a_second_later_gets_a_408():
    async def conversation(connection):
        await connection.receive(GET[:10])
        connection.clock.move_to(3)
        connection.shut_down()
        assert closes_at(connection, 4)

    assert run(conversation).statuses() == [408]


def test_incomplete_body_has_time_until_its_limit():
    async def conversation(connection):
        await connection.receive(incomplete_request())
        connection.shut_down()
        connection.clock.move_to(9)
        await connection.receive(b"x" * 204)
        await connection.answer()

    assert run(conversation).statuses() == [200]


def test_connection_whose_answer_has_begun_announces_its_end_only_in_the_next_answer():
    async def conversation(connection):
        await connection.receive(GET)
        cycle = connection.protocol.cycle
        await cycle.send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"1")]})
        connection.shut_down()
        await cycle.send({"type": "http.response.body", "body": b"x"})
        assert b"connection: close" not in connection.real.sent
        assert not connection.real.is_closing()
        await connection.receive(GET)
        assert not connection.protocol.cycle.keep_alive

    run(conversation)


@pytest.mark.parametrize("request_bytes", [b"", GET])
def test_connection_that_is_accepted_last_has_a_second_for_one_request(request_bytes):
    limits = ConnectionLimits(Settings())
    limits.begin_shutdown()

    async def conversation(connection):
        await connection.answer()
        connection.clock.move_to(0.9)
        if request_bytes:
            await connection.receive(request_bytes)
        else:
            assert closes_at(connection, 1)

    connection = run(conversation, limits=limits)
    assert connection.statuses() == [200] * bool(request_bytes)
    assert connection.real.is_closing()
