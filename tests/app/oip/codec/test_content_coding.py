"""A body is inflated within a bound, and parted where its header says."""

import contextlib
import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.oip.codec.body import split_body
from app.oip.codec.content_coding import compress, decompress, negotiate_coding
from app.oip.codec.errors import InvalidError, TooLargeError, UnsupportedError

LIMIT = 1000
CODERS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}
READERS = {"gzip": gzip.decompress, "deflate": zlib.decompress}


@pytest.mark.parametrize("coding", CODERS)
@given(data=st.binary(max_size=LIMIT))
def test_what_python_compressed_is_inflated(coding, data):
    assert decompress(CODERS[coding](data), coding, LIMIT) == data


@pytest.mark.parametrize("coding", READERS)
@given(data=st.binary(max_size=LIMIT))
def test_what_is_compressed_python_inflates(coding, data):
    assert READERS[coding](compress(data, coding)) == data


@pytest.mark.parametrize("coding", ["", "identity", " Identity "])
def test_a_body_without_coding_stays_as_it_is(coding):
    assert decompress(b"digits", coding, LIMIT) == b"digits"


@pytest.mark.parametrize("coding", ["GZIP", " Deflate"])
def test_the_name_of_a_coding_may_be_in_any_case(coding):
    assert decompress(CODERS[coding.strip().lower()](b"digits"), coding, LIMIT) == b"digits"


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "gzip,deflate", "compress", "aws-chunked"])
def test_any_other_coding_is_unsupported(coding):
    with pytest.raises(UnsupportedError, match="must be gzip or deflate"):
        decompress(b"digits", coding, LIMIT)


@pytest.mark.parametrize("coding", CODERS)
def test_the_bound_is_exact(coding):
    assert len(decompress(CODERS[coding](bytes(LIMIT)), coding, LIMIT)) == LIMIT
    with pytest.raises(TooLargeError, match=f"at most {LIMIT} bytes"):
        decompress(CODERS[coding](bytes(LIMIT + 1)), coding, LIMIT)


@pytest.mark.parametrize("coding", CODERS)
def test_no_more_is_inflated_than_the_bound(coding):
    bomb, limit = CODERS[coding](bytes(50_000_000)), 100_000
    tracemalloc.start()
    with pytest.raises(TooLargeError):
        decompress(bomb, coding, limit)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * limit


@pytest.mark.parametrize("coding", CODERS)
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[:-1], id="cut off"),
        pytest.param(lambda data: data + b"x", id="goes on"),
        pytest.param(lambda data: data + data, id="two streams"),
        pytest.param(lambda data: data[:-4] + bytes(4), id="wrong checksum"),
        pytest.param(lambda data: b"{" + data, id="another head"),
        pytest.param(lambda _: b"", id="empty"),
    ],
)
def test_a_damaged_stream_is_invalid(coding, damage):
    with pytest.raises(InvalidError):
        decompress(damage(CODERS[coding](b"digits")), coding, LIMIT)


@pytest.mark.parametrize("coding", CODERS)
@given(data=st.binary(max_size=100))
def test_any_bytes_are_inflated_or_refused(coding, data):
    with contextlib.suppress(InvalidError, TooLargeError):
        assert len(decompress(data, coding, LIMIT)) <= LIMIT


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", None),
        ("br", None),
        ("identity", None),
        ("gzip", "gzip"),
        ("GZip", "gzip"),
        ("deflate", "deflate"),
        ("gzip, deflate", "gzip"),
        ("deflate, gzip", "gzip"),
        ("gzip;q=0.2, deflate;q=0.7", "deflate"),
        ("gzip ; q=0.2 , deflate ; q=0.7", "deflate"),
        ("gzip;q=0", None),
        ("gzip;q=0, *", "deflate"),
        ("*", "gzip"),
        ("*;q=0", None),
        ("identity, gzip;q=0.5", None),
        ("gzip, identity;q=0.5", "gzip"),
        ("gzip;q=0.000", None),
        ("gzip;q=0.001", "gzip"),
        ("gzip\t;\tq=0", None),
        ("gzip;q=0.0000", None),
        ("gzip;q=1.5", None),
        ("gzip;q=-1", None),
        ("gzip;q=one, deflate;q=0.1", "deflate"),
        ("gzip;level=1;q=0", None),
        (",,;q=1,", None),
        ("br," * 60_000 + "gzip", None),
    ],
)
def test_the_coding_of_a_reply_is_the_one_the_client_likes_best(accepted, coding):
    assert negotiate_coding(accepted) == coding


@given(accepted=st.text())
def test_whatever_a_client_accepts_gets_some_answer(accepted):
    assert negotiate_coding(accepted) in {None, "gzip", "deflate"}


@pytest.mark.parametrize(
    ("length", "parts"),
    [
        (None, (b"{}abcd", b"")),
        ("2", (b"{}", b"abcd")),
        ("002", (b"{}", b"abcd")),
        ("6", (b"{}abcd", b"")),
        ("0", (None, b"{}abcd")),
        ("2 \t", (b"{}", b"abcd")),
    ],
)
def test_a_body_is_parted_where_its_header_says(length, parts):
    assert split_body(b"{}abcd", length) == parts


@pytest.mark.parametrize(
    "length", ["7", "-1", "+2", "2.0", "", " ", "0x2", "2e0", "٢", "1" * 5000, "0" * 5000, "2, 0", "two"]
)
def test_a_header_that_is_no_place_in_the_body_is_invalid(length):
    with pytest.raises(InvalidError, match="whole number from 0 to the length of the body, 6"):
        split_body(b"{}abcd", length)
