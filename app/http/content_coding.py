"""Content codings: decoding request bodies and compressing replies."""

import asyncio
import zlib

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

from app.http.field_errors import body_error
from app.http.headers import combined_header

# Content coding → window bits of zlib, which also select the header and checksum around the compressed data.
# Source: RFC 9110, section 8.4.1 (`deflate` is a zlib stream there); zlib's manual, inflateInit2.
WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
MAX_PIECE_BYTES = 64 * 1024  # of a decoded body, between which other requests are served
# Blocks that decode to nothing take 0.1 s for each megabyte. So a body is decoded in small parts, and it may not be
# much larger than what it decodes to. A client that compresses every eight bytes on their own does not double them.
MAX_PART_BYTES = 4 * 1024
MAX_GROWTH = 2
FASTEST = 1  # level of zlib; the default level makes replies 1 to 9 % smaller at 1.5 to 7 times the cost


def content_coding(scope: Scope) -> str:
    """Return the content coding of a request body.

    Args:
        scope: ASGI scope of the request.
    Returns:
        A key of `WINDOW_BITS`, or an empty string for a body without coding.
    Raises:
        HTTPException: 415, if the coding is neither gzip nor deflate, or if there are several.
    """
    coding = (combined_header(scope, b"content-encoding") or "").strip(" \t").lower()
    if coding in {"", "identity"}:
        return ""
    if coding not in WINDOW_BITS:
        detail = "The body's Content-Encoding must be gzip or deflate."
        raise HTTPException(415, detail, headers={"Accept-Encoding": "gzip, deflate"})
    return coding


class Decoder:
    """Undoes the content coding of one request body, piece by piece.

    Args:
        coding: A key of `WINDOW_BITS`.
        max_bytes: Largest size of the decoded body, in bytes.

    Attributes:
        has_more: True if a part of the last piece is not decoded yet.
    """

    def __init__(self, coding: str, max_bytes: int) -> None:
        self.has_more = False
        self._coding, self._max_bytes, self._remaining_bytes = coding, max_bytes, max_bytes
        self._waiting, self._taken_bytes = b"", 0
        self._decompressor = zlib.decompressobj(WINDOW_BITS[coding])

    def decode(self, piece: bytes, *, is_last: bool) -> bytes:
        """Decode the next piece of a body.

        Args:
            piece: The piece as it was received; nothing if `has_more` is true.
            is_last: True if the body ends with this piece.
        Returns:
            The next decoded bytes, at most `MAX_PIECE_BYTES`.
        Raises:
            HTTPException: 413, if the decoded body exceeds the limit; decompression stopped there.
            RequestValidationError: The compressed data is damaged or incomplete, other data follows it, or it is much
                larger than what it decodes to.
        Example:
            >>> Decoder("deflate", max_bytes=6).decode(zlib.compress(b"digits"), is_last=True)
            b'digits'
        """
        decompressor, size = self._decompressor, min(MAX_PIECE_BYTES, self._remaining_bytes + 1)
        try:
            decoded = decompressor.decompress(decompressor.unconsumed_tail or self._take(piece), size)
        except zlib.error as error:
            raise body_error(f"is not valid {self._coding}") from error
        self._remaining_bytes -= len(decoded)
        if self._remaining_bytes < 0:
            raise HTTPException(413, f"The decompressed body must be at most {self._max_bytes} bytes.")
        if self._taken_bytes > MAX_GROWTH * (self._max_bytes - self._remaining_bytes) + MAX_PART_BYTES:
            raise body_error(f"must not be larger with {self._coding} than without")
        self.has_more = bool(decompressor.unconsumed_tail or self._waiting)
        # gzip allows several streams in a row, but a hundred thousand empty streams would take seconds.
        has_other_data = decompressor.eof and (decompressor.unused_data or self._waiting)
        if has_other_data or (is_last and not self.has_more and not decompressor.eof):
            raise body_error(f"must be one whole {self._coding} stream")
        return decoded

    def _take(self, piece: bytes) -> bytes:
        """Take the next part of the received bytes."""
        received = self._waiting + piece
        part, self._waiting = received[:MAX_PART_BYTES], received[MAX_PART_BYTES:]
        self._taken_bytes += len(part)
        return part


def decode_body(receive: Receive, coding: str, max_bytes: int) -> Receive:
    """Wrap a receive function so that it undoes the content coding of the body.

    Args:
        receive: ASGI receive function of the request.
        coding: A key of `WINDOW_BITS`.
        max_bytes: Largest size of the decoded body, in bytes.
    Returns:
        The wrapped function; it raises the errors of `Decoder.decode`.
    """
    decoder = Decoder(coding, max_bytes)
    message: Message = {}

    async def receive_decoded() -> Message:
        nonlocal message
        if decoder.has_more:
            await asyncio.sleep(0)  # other requests come first, because a few bytes can decode to megabytes
            piece = b""
        else:
            message = await receive()
            piece = message.get("body", b"")
        if message["type"] != "http.request":
            return message
        is_last = not message.get("more_body", False)
        decoded = decoder.decode(piece, is_last=is_last)
        return {**message, "body": decoded, "more_body": decoder.has_more or not is_last}

    return receive_decoded


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
