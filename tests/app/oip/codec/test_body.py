"""A body is split into its JSON and its binary tensors at the length in the header."""

import pytest

from app.oip.codec.body import split_body
from app.oip.codec.errors import InvalidError


@pytest.mark.parametrize(
    ("header_length", "expected"),
    [
        (None, (b"{}abcd", b"")),
        ("2", (b"{}", b"abcd")),
        ("002", (b"{}", b"abcd")),
        ("6", (b"{}abcd", b"")),
        ("0", (None, b"{}abcd")),
        ("2 \t", (b"{}", b"abcd")),
    ],
)
def test_body_is_split_after_the_number_of_bytes_in_the_header(header_length, expected):
    assert split_body(b"{}abcd", header_length) == expected


@pytest.mark.parametrize(
    "header_length", ["7", "-1", "+2", "2.0", "", " ", "0x2", "2e0", "٢", "1" * 5000, "0" * 5000, "2, 0", "two"]
)
def test_header_that_is_not_a_number_up_to_the_length_of_the_body_is_invalid(header_length):
    with pytest.raises(InvalidError, match="whole number from 0 to the length of the body, 6"):
        split_body(b"{}abcd", header_length)
