"""Separation of a body into its JSON and its binary tensors."""

import re

from app.oip.codec.errors import InvalidError

HEADER_LENGTH = "Inference-Header-Content-Length"  # header: number of bytes of JSON before the first binary tensor


def split_body(body: bytes, header_length: str | None) -> tuple[bytes | None, bytes]:
    """Split a body into its JSON and its binary tensors.

    Args:
        body: The body, decompressed.
        header_length: Value of the header `HEADER_LENGTH`, or None if the request has no such header.
    Returns:
        The JSON, or None if the header is 0; and the bytes of the tensors. Without the header, the whole body
        is JSON.
    Raises:
        InvalidError: The header is not a number, or is greater than the length of the body.
    Example:
        >>> split_body(b'{"inputs":[]}abcd', "13")
        (b'{"inputs":[]}', b'abcd')
    """
    if header_length is None:
        return body, b""
    header_length = header_length.strip(" \t")
    # The pattern limits the number of digits, because int() raises for thousands of them.
    if not re.fullmatch("[0-9]{1,18}", header_length) or int(header_length) > len(body):
        raise InvalidError(f"{HEADER_LENGTH} must be a whole number from 0 to the length of the body, {len(body)}.")
    length = int(header_length)
    return body[:length] if length else None, body[length:]
