"""A connection reads and parses only what the service can answer, and no request is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http.body import DISCARD_BODY_KEY
from app.process.http_protocol import MAX_PIECE_BYTES
from tests.asgi import split
from tests.connections import CHUNKED, GET, run
from tests.e2e.server import incomplete_request

MANY = 20 * MAX_PIECE_BYTES // len(GET)


def is_reading(connection):
    """Return True if the transport reads, as its last call says."""
    calls = [call for call in connection.real.calls if call in {"pause_reading", "resume_reading"}]
    return not calls or calls[-1] == "resume_reading"


def post(body):
    return b"POST / HTTP/1.1\r\nhost: digits\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def test_requests_behind_the_current_one_are_parsed_piece_by_piece_and_all_are_answered():
    async def conversation(connection):
        await connection.receive(GET * MANY)
        assert 1 <= len(connection.protocol.pipeline) <= MAX_PIECE_BYTES / len(GET)
        assert not is_reading(connection)
        await connection.answer()
        while len(connection.statuses()) < MANY:
            await connection.settle()
        assert is_reading(connection)

    connection = run(conversation)
    assert connection.statuses() == [200] * MANY
    assert len(connection.scopes) == MANY


bodies = st.lists(st.integers(0, 3 * MAX_PIECE_BYTES).map(lambda size: b"x" * size), min_size=1, max_size=6)


@given(bodies, st.lists(st.integers(0, 10 * MAX_PIECE_BYTES), max_size=5), st.booleans())
def test_every_request_is_answered_however_the_stream_is_cut(sent, cuts, is_answered_at_once):
    stream = b"".join(map(post, sent))
    waiting = split(stream, *(min(cut, len(stream)) for cut in cuts))

    async def conversation(connection):
        if is_answered_at_once:
            await connection.answer()
        while waiting:
            if not is_reading(connection):
                await connection.answer()
            assert is_reading(connection)
            await connection.receive(waiting.pop(0))
        await connection.answer()
        while len(connection.statuses()) < len(sent):
            await connection.settle()
        assert is_reading(connection)

    connection = run(conversation)
    assert connection.statuses() == [200] * len(sent)
    received, body = [], b""
    for message in connection.received:
        body += message["body"]
        if not message["more_body"]:
            received.append(body)
            body = b""
    assert received == sent


def test_bytes_that_are_not_a_request_end_the_parsing_of_a_long_input():
    async def conversation(connection):
        await connection.receive(b"\0" * MAX_PIECE_BYTES + GET * MANY)
        await connection.answer()

    connection = run(conversation)
    assert (connection.statuses(), connection.scopes) == ([400], [])


def test_bytes_that_are_not_a_request_get_one_answer_also_with_tls():
    async def conversation(connection):
        await connection.receive(b"\0" * 3 * MAX_PIECE_BYTES)

    assert run(conversation, has_tls=True).statuses() == [400]


def test_connection_that_is_closed_before_its_whole_input_is_parsed_lingers():
    head = b"GET / HTTP/1.1\r\nhost: digits\r\nx: %b\r\n\r\n"
    piece = head % (b"x" * (MAX_PIECE_BYTES - len(head % b"")))
    assert len(piece) == MAX_PIECE_BYTES  # so each piece ends with a request

    async def conversation(connection):
        await connection.receive(piece * 4)
        connection.protocol.shutdown()
        await connection.answer()

    connection = run(conversation)
    assert (connection.statuses(), len(connection.scopes)) == ([200], 1)
    assert "write_eof" in connection.real.calls


def test_reading_goes_on_after_a_pause_of_the_client():
    async def conversation(connection):
        connection.protocol.pause_writing()
        assert not is_reading(connection)
        connection.protocol.resume_writing()
        assert is_reading(connection)

    run(conversation)


def test_client_that_does_not_read_its_answer_is_not_read():
    async def conversation(connection):
        connection.protocol.pause_writing()
        assert not is_reading(connection)
        await connection.receive(GET)
        await connection.answer()
        assert not is_reading(connection)
        connection.protocol.resume_writing()
        await connection.settle()
        assert is_reading(connection)

    assert run(conversation).statuses() == [200]


def test_body_is_read_only_when_the_application_asks_for_it():
    async def conversation(connection):
        await connection.receive(incomplete_request())
        assert not is_reading(connection)
        await connection.answer()
        assert is_reading(connection)

    run(conversation, reads_body=False)


def test_lost_connection_is_not_read():
    async def conversation(connection):
        await connection.receive(incomplete_request())
        connection.protocol.pause_writing()
        connection.real.abort()
        connection.protocol.connection_lost(ConnectionResetError())
        assert not is_reading(connection)
        await connection.answer()

    run(conversation, reads_body=False)


def test_body_of_an_application_that_receives_it_is_read_on():
    async def conversation(connection):
        await connection.receive(incomplete_request(), b"x")
        assert is_reading(connection)

    run(conversation)


def test_connection_that_lingers_is_read_although_its_body_is_incomplete():
    async def conversation(connection):
        await connection.receive(CHUNKED + b"1\r\nx\r\nzz\r\n")
        assert is_reading(connection)

    assert run(conversation, reads_body=False).statuses() == [400]


@pytest.mark.parametrize("size", [1, MAX_PIECE_BYTES, 3 * MAX_PIECE_BYTES])
def test_application_can_discard_a_body_that_it_has_not_received(size):
    async def conversation(connection):
        await connection.receive(post(bytes(4 * MAX_PIECE_BYTES))[: -4 * MAX_PIECE_BYTES + size])
        assert len(connection.protocol.cycle.body) == size
        connection.scopes[0][DISCARD_BODY_KEY]()
        assert connection.protocol.cycle.body == b""

    run(conversation, reads_body=False)
