"""Content codings: decompressing request bodies and compressing replies."""

import zlib

from app.oip.codec.errors import InvalidError, TooLargeError, UnsupportedError

# Content coding → window bits of zlib, which also select the header and checksum around the compressed data.
# Source: RFC 9110, section 8.4.1 (`deflate` is a zlib stream there); zlib's manual, inflateInit2.
WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
FASTEST = 1  # level of zlib; the default level makes replies 1 to 9 % smaller at 1.5 to 7 times the cost


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


def compress(data: bytes, coding: str) -> bytes:
    """Apply a content coding to a reply.

    Args:
        data: The reply.
        coding: gzip or deflate.
    Returns:
        The compressed reply.
    """
    compressor = zlib.compressobj(FASTEST, wbits=WINDOW_BITS[coding])
    return compressor.compress(data) + compressor.flush()
