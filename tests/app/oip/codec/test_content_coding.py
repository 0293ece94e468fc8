"""Decompression stops at a limit and rejects damaged data."""

import contextlib
import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.oip.codec.content_coding import compress, decompress
from app.oip.codec.errors import InvalidError, TooLargeError, UnsupportedError

MAX_BYTES = 1000
Coder = Callable[[bytes], bytes]
COMPRESSORS: dict[str, Coder] = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}
DECOMPRESSORS: dict[str, Coder] = {"gzip": gzip.decompress, "deflate": zlib.decompress}


@pytest.mark.parametrize("coding", COMPRESSORS)
@given(data=st.binary(max_size=MAX_BYTES))
def test_decompress_reverses_pythons_compression(coding, data):
    assert decompress(COMPRESSORS[coding](data), coding, MAX_BYTES) == data


@pytest.mark.parametrize("coding", DECOMPRESSORS)
@given(data=st.binary(max_size=MAX_BYTES))
def test_python_decompresses_a_compressed_reply(coding, data):
    assert DECOMPRESSORS[coding](compress(data, coding)) == data


@pytest.mark.parametrize("coding", ["", "identity", " Identity "])
def test_body_without_coding_stays_unchanged(coding):
    assert decompress(b"digits", coding, MAX_BYTES) == b"digits"


@pytest.mark.parametrize("coding", ["GZIP", " Deflate"])
def test_name_of_coding_is_case_insensitive(coding):
    assert decompress(COMPRESSORS[coding.strip().lower()](b"digits"), coding, MAX_BYTES) == b"digits"


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "gzip,deflate", "compress", "aws-chunked"])
def test_other_coding_is_unsupported(coding):
    with pytest.raises(UnsupportedError, match="must be gzip or deflate"):
        decompress(b"digits", coding, MAX_BYTES)


@pytest.mark.parametrize("coding", COMPRESSORS)
def test_decompressed_size_limit_is_exact(coding):
    assert len(decompress(COMPRESSORS[coding](bytes(MAX_BYTES)), coding, MAX_BYTES)) == MAX_BYTES
    with pytest.raises(TooLargeError, match=f"at most {MAX_BYTES} bytes"):
        decompress(COMPRESSORS[coding](bytes(MAX_BYTES + 1)), coding, MAX_BYTES)


@pytest.mark.parametrize("coding", COMPRESSORS)
def test_decompression_of_a_bomb_stops_at_the_limit(coding):
    bomb, max_bytes = COMPRESSORS[coding](bytes(50_000_000)), 100_000
    tracemalloc.start()
    with pytest.raises(TooLargeError):
        decompress(bomb, coding, max_bytes)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 10 * max_bytes


@pytest.mark.parametrize("coding", COMPRESSORS)
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
def test_damaged_stream_is_invalid(coding, damage):
    with pytest.raises(InvalidError):
        decompress(damage(COMPRESSORS[coding](b"digits")), coding, MAX_BYTES)


@pytest.mark.parametrize("coding", COMPRESSORS)
@given(data=st.binary(max_size=100))
def test_any_bytes_are_decompressed_within_the_limit_or_rejected(coding, data):
    with contextlib.suppress(InvalidError, TooLargeError):
        assert len(decompress(data, coding, MAX_BYTES)) <= MAX_BYTES
