"""The limit on the size of a body is exact, whether the size is announced or not."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.http.body import (
    BODY_ERROR_KEY,
    body_too_late,
    check_announced_length,
    largest_size,
    limit_body,
    receive_body,
    receive_part,
)
from tests.asgi import DISCONNECT, body_messages, call, read_answer, request_scope
from tests.hostile import INFER

PLAIN = request_scope()  # a body without content coding
chunk_lists = st.lists(st.binary(max_size=4), min_size=1, max_size=6)


class Messages:
    """Messages that a server delivers one by one."""

    def __init__(self, *messages):
        self.waiting = list(messages)

    async def receive(self):
        return self.waiting.pop(0)  # raises an IndexError after the last message


def lengths(*values):
    """Build the scope of a request with one Content-Length header for each value."""
    return request_scope("/predict", *((b"content-length", value) for value in values))


@pytest.mark.parametrize(("value", "size"), [(b"0", 0), (b"9", 9), (b"10", 10), (b"0010", 10)])
def test_announced_length_up_to_the_limit_is_the_largest_size_of_the_body(value, size):
    assert check_announced_length(lengths(value), 10) == largest_size(lengths(value), 10) == size


@pytest.mark.parametrize("value", [b"11", b"9" * 20])
def test_announced_length_over_the_limit_is_rejected_with_the_limit(value):
    for check in (check_announced_length, largest_size):
        with pytest.raises(HTTPException) as caught:
            check(lengths(value), 10)
        assert (caught.value.status_code, caught.value.detail) == (413, "The body must be at most 10 bytes.")


@pytest.mark.parametrize(
    "value", [b"", b"nine", b"-1", b"+11", b"1e9", b"11,11", b" 11", b"\xb2", b"9" * 21, b"9" * 5000]
)
def test_length_that_is_no_number_of_at_most_20_digits_announces_nothing(value):
    for scope in (lengths(value), lengths()):
        assert check_announced_length(scope, 10) is None
        assert largest_size(scope, 10) == 10


@pytest.mark.parametrize(("coding", "size"), [(b"gzip", 10), (b"deflate", 10), (b"identity", 3), (b"", 3)])
def test_length_of_a_compressed_body_does_not_bound_the_decoded_body(coding, size):
    scope = request_scope("/predict", (b"content-length", b"3"), (b"content-encoding", coding))
    assert largest_size(scope, 10) == size


def test_first_of_several_lengths_counts():
    assert check_announced_length(lengths(b"3", b"11"), 10) == 3
    assert check_announced_length(lengths(b"nine", b"11"), 10) is None
    with pytest.raises(HTTPException):
        check_announced_length(lengths(b"11", b"3"), 10)


@given(chunk_lists, st.integers(0, 24))
def test_body_is_received_up_to_its_limit_and_rejected_at_the_first_byte_beyond(chunks, max_bytes):
    body, messages = b"".join(chunks), Messages(*body_messages(*chunks))
    if len(body) <= max_bytes:
        assert asyncio.run(receive_body(PLAIN, messages.receive, max_bytes)) == body
        assert messages.waiting == []
        return
    with pytest.raises(HTTPException) as caught:
        asyncio.run(receive_body(PLAIN, messages.receive, max_bytes))
    assert (caught.value.status_code, caught.value.detail) == (413, f"The body must be at most {max_bytes} bytes.")
    received = len(chunks) - len(messages.waiting)
    assert len(b"".join(chunks[: received - 1])) <= max_bytes < len(b"".join(chunks[:received]))


def test_nothing_is_received_after_the_end_of_the_body():
    messages = Messages(*body_messages(b"a", b"b"), DISCONNECT)
    assert asyncio.run(receive_body(PLAIN, messages.receive, 2)) == b"ab"
    assert messages.waiting == [DISCONNECT]


@pytest.mark.parametrize("message", [{"type": "http.request"}, {"type": "http.request", "more_body": False}])
def test_message_without_a_body_is_an_empty_body(message):
    assert asyncio.run(receive_body(PLAIN, Messages(message).receive, 0)) == b""
    chunk = {"type": "http.request", "body": b"a", "more_body": True}
    assert asyncio.run(receive_body(PLAIN, Messages(chunk, message).receive, 1)) == b"a"


@pytest.mark.parametrize("received", [0, 1, 2])
def test_client_that_disconnects_before_the_end_of_its_body_raises_an_error(received):
    messages = [*body_messages(b"a", b"b", b"c")[:received], DISCONNECT]
    with pytest.raises(ClientDisconnect):
        asyncio.run(receive_body(PLAIN, Messages(*messages).receive, 3))


async def receive_all(receive, count):
    return [await receive() for _ in range(count)]


@given(chunk_lists, st.integers(0, 24))
def test_limited_body_is_passed_on_unchanged_until_its_limit_is_exceeded(chunks, max_bytes):
    messages = [*body_messages(*chunks), DISCONNECT]
    sizes = [len(b"".join(chunks[: count + 1])) for count in range(len(chunks))]
    fitting = sum(size <= max_bytes for size in sizes)
    receive = limit_body(PLAIN, Messages(*messages).receive, max_bytes)
    if fitting == len(chunks):
        assert asyncio.run(receive_all(receive, len(messages))) == messages
        return
    assert asyncio.run(receive_all(receive, fitting)) == messages[:fitting]
    with pytest.raises(HTTPException) as caught:
        asyncio.run(receive_all(receive, 1))
    assert (caught.value.status_code, caught.value.detail) == (413, f"The body must be at most {max_bytes} bytes.")


def test_limit_of_each_body_is_its_own():
    for _ in range(2):
        receive = limit_body(PLAIN, Messages({"type": "http.request", "body": b"ab"}).receive, 2)
        (message,) = asyncio.run(receive_all(receive, 1))
        assert message["body"] == b"ab"


@given(chunk_lists, st.integers(0, 24))
def test_part_of_a_body_ends_with_the_piece_that_exceeds_its_size(chunks, size):
    messages = Messages(*body_messages(*chunks))
    part, is_complete = asyncio.run(receive_part(messages.receive, size))
    received = chunks[: len(chunks) - len(messages.waiting)]
    assert (part, is_complete) == (b"".join(received), len(received) == len(chunks))
    assert is_complete or len(b"".join(received[:-1])) <= size < len(part)


@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/predict/picture"])
def test_body_that_is_late_gets_a_408_with_the_time_limit(client, path):
    late = request_scope(path, **{BODY_ERROR_KEY: body_too_late(0.25)})
    incomplete = {"type": "http.request", "body": b"", "more_body": True}
    status, _, body = read_answer(call(client.app, late, [incomplete]))
    assert status == 408
    assert b"The body must arrive within 0.25 s." in body


@pytest.mark.parametrize("path", [INFER, "/v2/repository/index"])
def test_late_body_of_the_open_inference_protocol_gets_a_408_in_its_form(client, path):
    late = request_scope(path, **{BODY_ERROR_KEY: body_too_late(30)})
    incomplete = {"type": "http.request", "body": b"", "more_body": True}
    status, _, body = read_answer(call(client.app, late, [incomplete]))
    assert (status, json.loads(body)) == (408, {"error": "The body must arrive within 30 s."})
