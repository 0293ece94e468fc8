"""Separation of a body into its JSON and its binary tensors."""

import re

from app.oip.codec.errors import InvalidError

JSON_LENGTH_HEADER = "Inference-Header-Content-Length"  # header: number of bytes of JSON before the first binary tensor


def split_body(body: bytes, json_length: str | None) -> tuple[bytes | None, bytes]:
    """Split a body into its JSON and its binary tensors.

    Args:
        body: The body, decompressed.
        json_length: Value of the header `JSON_LENGTH_HEADER`, or None if the request has no such header.
    Returns:
        The JSON, or None if the header is 0; and the bytes of the tensors. Without the header, the whole body
        is JSON.
    Raises:
        InvalidError: The header is not a number, or is greater than the length of the body.
    Example:
        >>> split_body(b'{"inputs":[]}abcd', "13")
        (b'{"inputs":[]}', b'abcd')
    """
    if json_length is None:
        return body, b""
    json_length = json_length.strip(" \t")
    # The pattern limits the number of digits, because int() raises for thousands of them.
    size = len(body)
    if not re.fullmatch("[0-9]{1,18}", json_length) or int(json_length) > size:
        raise InvalidError(f"{JSON_LENGTH_HEADER} must be a whole number from 0 to the length of the body, {size}.")
    length = int(json_length)
    return body[:length] if length else None, body[length:]
