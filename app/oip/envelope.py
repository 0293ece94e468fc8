"""Around a message: the coding of a body, and where its JSON ends and its binary tensors begin."""

import re
import zlib

from app.oip.errors import InvalidError, TooLargeError, UnsupportedError

HEADER_LENGTH = "Inference-Header-Content-Length"  # bytes of JSON before the first binary tensor

# Content coding → window of zlib, which also says whose header and checksum surround the stream.
# Source: RFC 9110, section 8.4.1 (there `deflate` is a zlib stream); zlib's manual, inflateInit2.
WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
OFFERED = ("gzip", "deflate")  # for replies; the first wins a tie
FASTEST = 1  # level of zlib; a better one saves a few percent of such numbers at several times the cost


def inflate(data: bytes, coding: str, max_bytes: int) -> bytes:
    """Undo the coding of a body.

    Args:
        data: The body as it came.
        coding: Value of Content-Encoding, empty if there was none.
        max_bytes: The most that it may hold.
    Returns:
        What it holds.
    Raises:
        UnsupportedError: The coding is another one, or one upon another.
        TooLargeError: It holds more; no more than that was inflated.
        InvalidError: It is damaged, cut off, or goes on after its end.
    Example:
        >>> inflate(zlib.compress(b"digits"), "deflate", max_bytes=6)
        b'digits'
    """
    coding = coding.strip().lower()
    if coding in {"", "identity"}:
        return data
    if coding not in WINDOWS:
        raise UnsupportedError("The body's Content-Encoding must be gzip or deflate.")
    decoder = zlib.decompressobj(WINDOWS[coding])
    try:
        inflated = decoder.decompress(data, max_bytes + 1)
    except zlib.error as error:
        raise InvalidError(f"The body is not valid {coding}.") from error
    if len(inflated) > max_bytes:
        raise TooLargeError(f"The inflated body must be at most {max_bytes} bytes.")
    # gzip allows several streams in a row; a hundred thousand empty ones would take seconds.
    if not decoder.eof or decoder.unused_data:
        raise InvalidError(f"The body must be one whole {coding} stream.")
    return inflated


def coding_of_choice(accepted: str) -> str | None:
    """Choose the coding of a reply.

    Args:
        accepted: Value of Accept-Encoding, empty if there was none.
    Returns:
        One of `OFFERED`, or None to send the reply as it is.
    Source: RFC 9110, section 12.5.3.
    Example:
        >>> coding_of_choice("br, deflate;q=0.5, gzip;q=0.8")
        'gzip'
        >>> coding_of_choice("gzip;q=0")
    """
    weights: dict[str, float] = {}
    for entry in accepted.lower().split(","):
        coding, _, parameter = entry.replace(" ", "").partition(";")
        weight = re.fullmatch(r"q=([01](\.\d{0,3})?)", parameter)
        weights[coding] = float(weight[1]) if weight else 1.0
    best = max(OFFERED, key=lambda coding: weights.get(coding, weights.get("*", 0.0)))
    least = max(weights.get("identity", 0.0), 0.001)
    return best if weights.get(best, weights.get("*", 0.0)) >= least else None


def compress(data: bytes, coding: str) -> bytes:
    """Apply a coding to a reply.

    Args:
        data: The reply.
        coding: One of `OFFERED`.
    Returns:
        A whole stream.
    """
    encoder = zlib.compressobj(FASTEST, wbits=WINDOWS[coding])
    return encoder.compress(data) + encoder.flush()


def split(body: bytes, header_length: str | None) -> tuple[bytes | None, bytes]:
    """Part a body into JSON and binary tensors.

    Args:
        body: The body, inflated.
        header_length: Value of the header `HEADER_LENGTH`, if there was one.
    Returns:
        The JSON, if there is any, and what follows it. Without the header all is JSON; at 0, nothing.
    Raises:
        InvalidError: The header is no number, or one beyond the body.
    Example:
        >>> split(b'{"inputs":[]}abcd', "13")
        (b'{"inputs":[]}', b'abcd')
    """
    if header_length is None:
        return body, b""
    if not re.fullmatch("[0-9]{1,18}", header_length) or int(header_length) > len(body):
        raise InvalidError(
            f"{HEADER_LENGTH} must be a whole number from 0 to the length of the body, {len(body)}."
        )
    length = int(header_length)
    return body[:length] if length else None, body[length:]
