"""Content codings: decompressing request bodies and compressing replies."""

import re
import zlib

from app.oip.codec.errors import InvalidError, TooLargeError, UnsupportedError

# Content coding → window bits of zlib, which also select the header and checksum around the compressed data.
# Source: RFC 9110, section 8.4.1 (`deflate` is a zlib stream there); zlib's manual, inflateInit2.
WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
REPLY_CODINGS = ("gzip", "deflate")  # if both have the same quality, the first is used
FASTEST = 1  # level of zlib; the default level makes replies 1 to 9 % smaller at 1.5 to 7 times the cost
# An entry of Accept-Encoding. An entry with an invalid quality or with another parameter is ignored.
ACCEPTED_CODING = re.compile(
    r"[ \t]*(?P<coding>[^ \t;]+)[ \t]*(;[ \t]*q=(?P<quality>0(\.\d{0,3})?|1(\.0{0,3})?)[ \t]*)?"
)
MAX_COMMAS = 50  # commas at which Accept-Encoding is split; the rest is one entry


def decompress(data: bytes, coding: str, max_bytes: int) -> bytes:
    """Undo the content coding of a request body.

    Args:
        data: The body as it was received.
        coding: Value of the Content-Encoding header, empty if there is none.
        max_bytes: Largest size of the decompressed body, in bytes.
    Returns:
        The decompressed body.
    Raises:
        UnsupportedError: The coding is neither gzip nor deflate, or there are several.
        TooLargeError: The decompressed body exceeds the limit; decompression stopped there.
        InvalidError: The compressed data is damaged or incomplete, or other data follows it.
    Example:
        >>> decompress(zlib.compress(b"digits"), "deflate", max_bytes=6)
        b'digits'
    """
    coding = coding.strip(" \t").lower()
    if coding in {"", "identity"}:
        return data
    if coding not in WINDOW_BITS:
        raise UnsupportedError("The body's Content-Encoding must be gzip or deflate.")
    decompressor = zlib.decompressobj(WINDOW_BITS[coding])
    try:
        decompressed = decompressor.decompress(data, max_bytes + 1)
    except zlib.error as error:
        raise InvalidError(f"The body is not valid {coding}.") from error
    if len(decompressed) > max_bytes:
        raise TooLargeError(f"The inflated body must be at most {max_bytes} bytes.")
    # gzip allows several streams in a row, but a hundred thousand empty streams would take seconds.
    if not decompressor.eof or decompressor.unused_data:
        raise InvalidError(f"The body must be one whole {coding} stream.")
    return decompressed


def negotiate_coding(accept_encoding: str) -> str | None:
    """Choose the content coding of a reply.

    Args:
        accept_encoding: Value of the Accept-Encoding header, empty if there is none.
    Returns:
        The coding of `REPLY_CODINGS` with the highest quality. None, for a reply without coding, if the
        client prefers `identity`, or if no valid entry of the header accepts gzip or deflate.
    Source: RFC 9110, section 12.5.3.
    Example:
        >>> negotiate_coding("br, deflate;q=0.5, gzip;q=0.8")
        'gzip'
        >>> negotiate_coding("gzip;q=0")
    """
    entries = accept_encoding.lower().split(",", MAX_COMMAS)
    matches = [ACCEPTED_CODING.fullmatch(entry) for entry in entries]
    qualities = {match["coding"]: float(match["quality"] or 1) for match in matches if match}
    other_quality = qualities.get("*", 0.0)
    best = max(REPLY_CODINGS, key=lambda coding: qualities.get(coding, other_quality))
    quality = qualities.get(best, other_quality)
    return best if quality > 0 and quality >= qualities.get("identity", 0) else None


def compress(data: bytes, coding: str) -> bytes:
    """Apply a content coding to a reply.

    Args:
        data: The reply.
        coding: One of `REPLY_CODINGS`.
    Returns:
        The compressed reply.
    """
    compressor = zlib.compressobj(FASTEST, wbits=WINDOW_BITS[coding])
    return compressor.compress(data) + compressor.flush()
