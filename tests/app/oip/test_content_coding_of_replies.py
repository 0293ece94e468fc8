"""The client's Accept-Encoding header decides the content coding of a reply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.oip.inference import negotiate_coding


@pytest.mark.parametrize(
    ("accept_encoding", "coding"),
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
def test_accepted_coding_with_highest_quality_is_chosen(accept_encoding, coding):
    assert negotiate_coding(accept_encoding) == coding


@given(accept_encoding=st.text())
def test_any_accept_encoding_header_has_a_result(accept_encoding):
    assert negotiate_coding(accept_encoding) in {None, "gzip", "deflate"}
