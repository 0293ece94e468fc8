"""A body in too many chunks is rejected, whatever the application does with it."""

import pytest

from app.http.body import BODY_ERROR_KEY
from app.process.http_protocol import MAX_CHUNKS
from tests.connections import CHUNKED, GET, run

CHUNK = b"1\r\nx\r\n"
END = b"0\r\n\r\n"


def test_body_of_the_largest_number_of_chunks_is_received():
    async def conversation(connection):
        await connection.receive(CHUNKED, CHUNK * MAX_CHUNKS + END)
        assert BODY_ERROR_KEY not in connection.scopes[0]
        await connection.answer()
        await connection.receive(CHUNKED, CHUNK * MAX_CHUNKS + END)  # the number begins anew

    connection = run(conversation)
    assert sum(len(message["body"]) for message in connection.received) == 2 * MAX_CHUNKS
    assert connection.statuses() == [200, 200]


@pytest.mark.parametrize("rest", [CHUNK, CHUNK * 100, CHUNK + END + GET])
def test_application_is_told_that_a_body_has_too_many_chunks(rest):
    async def conversation(connection):
        await connection.receive(CHUNKED, CHUNK * MAX_CHUNKS)
        assert BODY_ERROR_KEY not in connection.scopes[0]
        await connection.receive(rest)
        error = connection.scopes[0][BODY_ERROR_KEY]
        assert (error.status_code, error.detail) == (413, "The body must have at most 65536 chunks.")
        received = sum(len(message["body"]) for message in connection.received)
        await connection.receive(CHUNK)
        assert sum(len(message["body"]) for message in connection.received) == received

    run(conversation)


def test_connection_is_closed_if_the_answer_did_not_wait_for_the_body():
    async def conversation(connection):
        await connection.receive(CHUNKED)
        await connection.answer()
        await connection.receive(CHUNK * MAX_CHUNKS)
        assert not connection.protocol.transport.is_closing()
        await connection.receive(CHUNK)
        assert connection.protocol.transport.is_closing()

    assert run(conversation, reads_body=False).statuses() == [200]


def test_answer_to_a_body_in_too_many_chunks_announces_the_end_of_the_connection():
    async def conversation(connection):
        await connection.receive(CHUNKED + CHUNK * MAX_CHUNKS)
        await connection.receive(CHUNK)
        await connection.answer()

    assert b"connection: close" in run(conversation, reads_body=False).real.sent


def test_first_error_of_a_body_is_kept():
    async def conversation(connection):
        await connection.receive(CHUNKED, CHUNK * MAX_CHUNKS)
        await connection.receive(CHUNK)
        connection.clock.move_to(1000)  # now the body is late, too
        await connection.settle()
        assert connection.scopes[0][BODY_ERROR_KEY].status_code == 413

    run(conversation)
