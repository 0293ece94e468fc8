"""Around a message: the coding of a body, and where its JSON ends and its binary tensors begin."""

import re
import zlib

from app.oip.errors import InvalidError, TooLargeError, UnsupportedError

HEADER_LENGTH = "Inference-Header-Content-Length"  # bytes of JSON before the first binary tensor

# Content coding → window of zlib, which also says whose header and checksum surround the stream.
# Source: RFC 9110, section 8.4.1 (there `deflate` is a zlib stream); zlib's manual, inflateInit2.
WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
OFFERED = ("gzip", "deflate")  # for replies; the first wins a tie
FASTEST = 1  # level of zlib; the default one saves 1 to 9 % of such numbers at 1.5 to 7 times the cost
# An entry of Accept-Encoding; one with another weight or parameter than is defined is as good as absent.
ACCEPTED = re.compile(
    r"[ \t]*(?P<coding>[^ \t;]+)[ \t]*(;[ \t]*q=(?P<weight>0(\.\d{0,3})?|1(\.0{0,3})?)[ \t]*)?"
)
MAX_ACCEPTED = 50  # entries that are looked at


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
    coding = coding.strip(" \t").lower()
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
        The one of `OFFERED` that is liked best, or None to send the reply as it is: because neither is
        accepted, or less than that, or because the value cannot be read.
    Source: RFC 9110, section 12.5.3.
    Example:
        >>> coding_of_choice("br, deflate;q=0.5, gzip;q=0.8")
        'gzip'
        >>> coding_of_choice("gzip;q=0")
    """
    entries = [ACCEPTED.fullmatch(entry) for entry in accepted.lower().split(",", MAX_ACCEPTED)]
    weights = {entry["coding"]: float(entry["weight"] or 1) for entry in entries if entry}
    of_others = weights.get("*", 0.0)
    best = max(OFFERED, key=lambda coding: weights.get(coding, of_others))
    weight = weights.get(best, of_others)
    return best if weight > 0 and weight >= weights.get("identity", 0) else None


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
    header_length = header_length.strip(" \t")
    # No more digits than a length can have, because int() raises on thousands of them.
    if not re.fullmatch("[0-9]{1,18}", header_length) or int(header_length) > len(body):
        raise InvalidError(
            f"{HEADER_LENGTH} must be a whole number from 0 to the length of the body, {len(body)}."
        )
    length = int(header_length)
    return body[:length] if length else None, body[length:]
