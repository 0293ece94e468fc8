"""Decoding stops at a limit and rejects damaged data, in one piece and in many."""

import asyncio
import contextlib
import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable
from itertools import chain, repeat

import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.types import Message

from app.http.content_coding import MAX_PART_BYTES, MAX_PIECE_BYTES, compress, content_coding, decode_body
from tests.asgi import DISCONNECT, JSON, body_messages, call_without_body, post, request_scope, split
from tests.hostile import BOMB_CONTENT
from tests.json_endpoints import VALID_BODIES
from tests.problems import read_problem

MAX_BYTES = 1000
STORED_BLOCK_OF_NOTHING = b"\0\0\0\xff\xff"
ZLIB_HEAD, REST_OF_STREAM = zlib.compress(b"{}")[:2], zlib.compress(b"{}")[2:]
EMPTY_BLOCKS = ZLIB_HEAD + STORED_BLOCK_OF_NOTHING * 400_000 + REST_OF_STREAM
Coder = Callable[[bytes], bytes]
COMPRESSORS: dict[str, Coder] = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}
DECOMPRESSORS: dict[str, Coder] = {"gzip": gzip.decompress, "deflate": zlib.decompress}


def decode(data, coding, max_bytes=MAX_BYTES, cuts=()):
    """Decode a body that arrives in pieces."""
    messages = body_messages(*split(data, *cuts))

    async def receive():
        return messages.pop(0)

    async def receive_all():
        receive_decoded = decode_body(receive, coding, max_bytes)
        decoded: list[Message] = []
        while not decoded or decoded[-1]["more_body"]:
            decoded.append(await receive_decoded())
        assert messages == []
        assert max(len(message["body"]) for message in decoded) <= MAX_PIECE_BYTES
        return b"".join(message["body"] for message in decoded)

    return asyncio.run(receive_all())


@pytest.mark.parametrize("coding", COMPRESSORS)
@given(data=st.binary(max_size=MAX_BYTES), cuts=st.lists(st.integers(0, 30), max_size=4))
def test_decoder_reverses_pythons_compression(coding, data, cuts):
    assert decode(COMPRESSORS[coding](data), coding, cuts=cuts) == data


@pytest.mark.parametrize("coding", DECOMPRESSORS)
@given(data=st.binary(max_size=MAX_BYTES))
def test_python_decompresses_a_compressed_reply(coding, data):
    assert DECOMPRESSORS[coding](compress(data, coding)) == data


@pytest.mark.parametrize("size", [MAX_PIECE_BYTES - 1, MAX_PIECE_BYTES, MAX_PIECE_BYTES + 1, 3 * MAX_PIECE_BYTES])
@pytest.mark.parametrize("coding", COMPRESSORS)
@given(cuts=st.lists(st.integers(0, 300), max_size=3))
def test_body_that_decodes_to_several_pieces_stays_the_same(coding, size, cuts):
    data = bytes(size)  # compresses to so few bytes that the last ones decode to several pieces
    assert decode(COMPRESSORS[coding](data), coding, size, cuts) == data


def test_other_tasks_run_between_the_pieces_of_a_decoded_body():
    pieces = 10

    async def receive():
        return body_messages(gzip.compress(bytes(pieces * MAX_PIECE_BYTES)))[0]

    async def receive_all():
        turns: list[str] = []
        counts = []
        for _ in range(pieces):
            asyncio.get_running_loop().call_soon(turns.append, "other task")
            await receive_decoded()
            counts.append(len(turns))
        return counts

    receive_decoded = decode_body(receive, "gzip", pieces * MAX_PIECE_BYTES)
    assert asyncio.run(receive_all()) == [0, *range(2, pieces + 1)]  # the first piece is decoded at once


def test_body_that_decodes_to_nothing_is_rejected_after_its_first_bytes():
    pieces = chain([ZLIB_HEAD], repeat(STORED_BLOCK_OF_NOTHING * 200))
    received: list[bytes] = []

    async def receive():
        received.append(next(pieces))
        return {"type": "http.request", "body": received[-1], "more_body": True}

    async def receive_all():
        receive_decoded = decode_body(receive, "deflate", 10**9)
        while True:
            await receive_decoded()

    with pytest.raises(RequestValidationError):
        asyncio.run(receive_all())
    assert len(b"".join(received)) <= 2 * MAX_PART_BYTES


@pytest.mark.parametrize("size", [8, 100])
def test_body_of_which_every_few_bytes_are_compressed_on_their_own_is_decoded(size):
    data, compressor = json.dumps(list(range(9_000))).encode(), zlib.compressobj()
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    compressed = [compressor.compress(piece) + compressor.flush(zlib.Z_SYNC_FLUSH) for piece in pieces]
    assert decode(b"".join(compressed) + compressor.flush(), "deflate", len(data)) == data


def test_disconnect_is_passed_on():
    async def receive():
        return DISCONNECT

    async def receive_decoded():
        return await decode_body(receive, "gzip", 10)()

    assert asyncio.run(receive_decoded()) == DISCONNECT


def coding_of(*values):
    """Return the content coding of a request with these lines of the header."""
    return content_coding(request_scope("/predict", *((b"content-encoding", value) for value in values)))


@pytest.mark.parametrize(
    ("values", "coding"),
    [
        *(((), ""), ((b"",), ""), ((b"identity",), ""), ((b" Identity ",), "")),
        *(((b"GZIP",), "gzip"), ((b" Deflate",), "deflate"), ((b"x-gzip",), "x-gzip")),
    ],
)
def test_name_of_coding_is_case_insensitive_and_identity_is_none(values, coding):
    assert coding_of(*values) == coding


@pytest.mark.parametrize(
    "values",
    [
        *([b"br"], [b"zstd"], [b"compress"], [b"aws-chunked"], [b"\xe9"]),
        *([b"gzip, gzip"], [b"gzip,deflate"], [b"gzip", b"gzip"], [b"identity", b"gzip"]),
    ],
)
def test_other_coding_is_unsupported_and_the_error_names_the_supported_ones(values):
    with pytest.raises(HTTPException, match="must be gzip or deflate") as caught:
        coding_of(*values)
    assert (caught.value.status_code, caught.value.headers) == (415, {"Accept-Encoding": "gzip, deflate"})


@pytest.mark.parametrize("cuts", [(), (5,), range(1, 12)])
@pytest.mark.parametrize("coding", COMPRESSORS)
def test_limit_of_the_decoded_size_is_exact(coding, cuts):
    assert len(decode(COMPRESSORS[coding](bytes(MAX_BYTES)), coding, cuts=cuts)) == MAX_BYTES
    with pytest.raises(HTTPException, match=f"at most {MAX_BYTES} bytes") as caught:
        decode(COMPRESSORS[coding](bytes(MAX_BYTES + 1)), coding, cuts=cuts)
    assert caught.value.status_code == 413


@pytest.mark.parametrize("coding", COMPRESSORS)
def test_decoding_of_a_bomb_stops_at_the_limit(coding):
    bomb, max_bytes = COMPRESSORS[coding](BOMB_CONTENT), 100_000
    tracemalloc.start()
    with pytest.raises(HTTPException):
        decode(bomb, coding, max_bytes)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 10 * max_bytes


@pytest.mark.parametrize("coding", COMPRESSORS)
@pytest.mark.parametrize("cuts", [(), (3,)])
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[:-1], id="truncated"),
        pytest.param(lambda data: data + b"x", id="trailing byte"),
        pytest.param(lambda data: data + data, id="two streams"),
        pytest.param(lambda data: data[:-4] + bytes(4), id="wrong checksum"),
        pytest.param(lambda data: b"{" + data, id="wrong header"),
        pytest.param(lambda _: b"", id="empty"),
    ],
)
def test_damaged_stream_is_invalid(coding, cuts, damage):
    with pytest.raises(RequestValidationError):
        decode(damage(COMPRESSORS[coding](b"digits")), coding, cuts=cuts)


@pytest.mark.parametrize("coding", COMPRESSORS)
@given(data=st.binary(max_size=100), cuts=st.lists(st.integers(0, 100), max_size=3))
def test_any_bytes_are_decoded_within_the_limit_or_rejected(coding, data, cuts):
    with contextlib.suppress(RequestValidationError, HTTPException):
        assert len(decode(data, coding, cuts=cuts)) <= MAX_BYTES


@pytest.mark.parametrize("coding", COMPRESSORS)
@pytest.mark.parametrize("path", VALID_BODIES)
def test_compressed_body_gets_the_answer_of_the_plain_body(client, path, coding):
    plain = post(client.app, path, VALID_BODIES[path])
    for options in ({}, {"pieces": 9}, {"has_length": False}):
        headers = [(b"content-encoding", coding.encode())]
        assert post(client.app, path, COMPRESSORS[coding](VALID_BODIES[path]), headers=headers, **options) == plain
    assert plain[0] == 200


@pytest.mark.parametrize(
    ("content", "coding", "status", "detail"),
    [
        (gzip.compress(BOMB_CONTENT, mtime=0), "gzip", 413, "The decompressed body must be at most 2097152 bytes."),
        (zlib.compress(BOMB_CONTENT), "deflate", 413, "The decompressed body must be at most 2097152 bytes."),
        (bytes(2 * 1024 * 1024 + 1), "gzip", 413, "The body must be at most 2097152 bytes."),
        (b"{}", "gzip", 422, "the body is not valid gzip"),
        (zlib.compress(b"{}"), "gzip", 422, "the body is not valid gzip"),
        (gzip.compress(b"{}", mtime=0)[:-1], "gzip", 422, "the body must be one whole gzip stream"),
        (gzip.compress(b"{}", mtime=0), "gzip", 422, "pixels is required"),
        (EMPTY_BLOCKS, "deflate", 422, "the body must not be larger with deflate than without"),
        (b"{}", "br", 415, "The body's Content-Encoding must be gzip or deflate."),
    ],
)
def test_compressed_body_that_cannot_be_used_is_rejected_with_the_reason(client, content, coding, status, detail):
    reply = client.post("/predict", content=content, headers={"content-encoding": coding})
    assert read_problem(reply, status)["detail"] == detail


def test_compressed_body_over_the_limit_that_decodes_to_little_is_rejected(make_client):
    compressed = zlib.compress(b"{}")
    empty_blocks = STORED_BLOCK_OF_NOTHING * 800
    content = compressed[:2] + empty_blocks + compressed[2:]
    assert zlib.decompress(content) == b"{}"
    headers = [(b"content-encoding", b"deflate")]
    for max_body_bytes, status in ((len(content), 422), (len(content) - 1, 413)):
        app = make_client(max_body_bytes=max_body_bytes).app
        assert post(app, "/predict", content, headers=headers, has_length=False, pieces=3)[0] == status


@pytest.mark.parametrize("path", VALID_BODIES)
def test_other_coding_is_rejected_before_the_body_is_received(client, path):
    scope = request_scope(path, JSON, (b"content-encoding", b"br"))
    status, headers, body = call_without_body(client.app, scope)
    assert status == (501 if path.startswith("/v2") else 415)
    assert dict(headers)[b"accept-encoding"] == b"gzip, deflate"
    assert "must be gzip or deflate" in json.dumps(json.loads(body))
