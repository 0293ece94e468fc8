"""The HTTP protocol answers the right request and closes the connection at the right time, whatever arrives when."""

import pytest

from app.http.request_head import MAX_HEAD_BYTES
from app.process.http_protocol import MAX_HEADERS
from tests.connections import CHUNKED, CLOSE, GET, run
from tests.e2e.server import incomplete_request

UPGRADE = b"GET / HTTP/1.1\r\nhost: digits\r\nconnection: upgrade%b\r\nupgrade: h2c\r\n\r\n"
GARBAGE = b"\0\0\0"


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


@pytest.mark.parametrize(("count", "expected"), [(MAX_HEADERS, [200]), (MAX_HEADERS + 1, [431])])
def test_head_that_arrives_in_pieces_has_a_limit_on_the_number_of_its_headers(count, expected):
    headers = b"".join(b"x%d: y\r\n" % number for number in range(count - 1))  # and the header Host

    async def conversation(connection):
        await connection.receive(GET[:-2] + headers + b"z", b": y\r\n\r\n")
        await connection.answer()

    assert run(conversation).statuses() == expected


@pytest.mark.parametrize(("count", "expected"), [(MAX_HEADERS, [200]), (MAX_HEADERS + 1, [431])])
def test_trailers_that_arrive_in_pieces_have_the_same_limit(count, expected):
    trailers = b"".join(b"x%d: y\r\n" % number for number in range(count))

    async def conversation(connection):
        await connection.receive(CHUNKED + b"0\r\n" + trailers + b"z", b": y\r\n\r\n")
        await connection.answer()

    assert run(conversation).statuses() == expected


@pytest.mark.parametrize("has_tls", [False, True])
def test_malformed_head_with_too_many_headers_gets_one_answer(has_tls):
    async def conversation(connection):
        await connection.receive(GET[:-2] + b"x: y\r\n" * (MAX_HEADERS + 1) + b"\0: y\r\n")

    assert run(conversation, has_tls=has_tls).statuses() == [400]


def test_incomplete_head_may_have_the_largest_size():
    async def conversation(connection):
        start = GET[:-4] + b"\r\nx: "
        await connection.receive(start + b"x" * (MAX_HEAD_BYTES - len(start)))
        assert connection.statuses() == []
        await connection.receive(b"x")

    assert run(conversation).statuses() == [431]
