"""Requests that an input describes: its first bytes choose headers and delivery, and the rest is the body.

The functions need no fuzzer, so pytest runs the same inputs.
"""

import re
import struct
import zlib
from typing import Any, NamedTuple

from tests.asgi import body_messages, split

CHOICES = 4  # bytes before the payload
REPEAT = b"<REPEAT>"  # the part of a payload between two such marks is repeated
BINARY = b"<BINARY>"  # stands between the JSON and the binary tensors
MAX_EXPANDED_BYTES = 3 * 1024 * 1024  # more than the service accepts
PNG_START = b"\x89PNG\r\n\x1a\n"
GZIP, DEFLATE = 31, 15  # window bits of zlib


def compress(data, window_bits):
    """Compress a body as gzip or as a zlib stream; the result is the same on each call."""
    compressor = zlib.compressobj(1, wbits=window_bits)
    return compressor.compress(data) + compressor.flush()


def decompress(data, window_bits):
    """Undo a content coding; return None unless the data is exactly one stream."""
    decompressor = zlib.decompressobj(window_bits)
    try:
        body = decompressor.decompress(data)
    except zlib.error:
        return None
    return body if decompressor.eof and not decompressor.unused_data else None


# Header Content-Encoding, and the function that the body passes.
CODINGS = (
    (None, bytes),
    (b"gzip", lambda body: compress(body, GZIP)),
    (b"deflate", lambda body: compress(body, DEFLATE)),
    (b"gzip", bytes),
    (b"deflate", bytes),
    (b"gzip", lambda body: compress(body, GZIP)[:-1]),
    (b"identity", bytes),
    (b"br, gzip", bytes),
)
PIECES = (1, 2, 3, 7)
ACCEPTED_CODINGS = (None, b"gzip", b"deflate;q=0.5, gzip;q=0", b"*")


def split_choices(data):
    """Split an input into its choices, each a number below 256, and its payload."""
    return data[:CHOICES].ljust(CHOICES, b"\0"), data[CHOICES:]


def expand(payload, exponent):
    """Repeat the marked part of a payload 2 ** `exponent` times, within a limit; without marks nothing is repeated."""
    start, *rest = payload.split(REPEAT, 2)
    if len(rest) < 2:
        return payload
    part, end = rest
    return start + part * min(2**exponent, MAX_EXPANDED_BYTES // max(1, len(part))) + end


def first_line(payload):
    """Split a payload into the value of a header, without characters that no HTTP server accepts, and the rest."""
    line, _, rest = payload.partition(b"\n")
    return re.sub(rb"[\x00-\x08\x0b-\x1f\x7f]", b"", line).strip(), rest


class Request(NamedTuple):
    """A request: its headers, the ASGI messages with its body, and True if the client disconnects before its end."""

    headers: list[tuple[bytes, bytes]]
    messages: list[dict[str, Any]]
    is_cut: bool


def deliver(body, coding, delivery, *headers):
    """Encode a body, and choose how it arrives.

    Args:
        body: The body before its content coding.
        coding: Byte that chooses the content coding, by its lowest three bits.
        delivery: Byte that chooses the number of pieces, no announced length, a disconnect, and Accept-Encoding.
        headers: Names and values of further headers.
    Returns:
        The request.
    """
    name, encode = CODINGS[coding % len(CODINGS)]
    body = encode(body)
    all_headers = [*headers] if name is None else [*headers, (b"content-encoding", name)]
    if not delivery & 4:
        all_headers.append((b"content-length", b"%d" % len(body)))
    if accepted := ACCEPTED_CODINGS[(delivery >> 4) % len(ACCEPTED_CODINGS)]:
        all_headers.append((b"accept-encoding", accepted))
    pieces = PIECES[delivery % len(PIECES)]
    messages = body_messages(*split(body, *(len(body) * piece // pieces for piece in range(1, pieces))))
    is_cut = delivery & 8 != 0 and pieces > 1
    return Request(all_headers, messages[:-1] if is_cut else messages, is_cut)


def decoded(body, coding):
    """Return the body that the service must see after `deliver`, or None if its content coding is invalid."""
    name, encode = CODINGS[coding % len(CODINGS)]
    if name in {None, b"identity"}:
        return body
    window_bits = {b"gzip": GZIP, b"deflate": DEFLATE}.get(name)
    return None if window_bits is None else decompress(encode(body), window_bits)


def find_json(payload):
    """Split a payload into JSON and binary tensors at its first mark, and remove the mark."""
    json_part, _, binary_data = payload.partition(BINARY)
    return json_part, binary_data


def form(file, name=b"file", filename=b"digit.png"):
    """Build a form with one file; the boundary is `x`."""
    head = b'--x\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n' % (name, filename)
    return head + file + b"\r\n--x--\r\n"


def read_chunks(data):
    """Yield the name and the content of each chunk of a PNG; a chunk may end too early."""
    position = len(PNG_START)
    while position + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, position)
        yield name, data[position + 8 : position + 8 + size]
        position += size + 12


def write_png(chunks):
    """Write a PNG with the right lengths and checksums."""
    parts = [PNG_START]
    for name, data in chunks:
        parts += [struct.pack(">I4s", len(data), name), data, struct.pack(">I", zlib.crc32(name + data))]
    return b"".join(parts)


def compress_png(data):
    """Correct the lengths and checksums of a PNG whose pixels are not compressed, and compress the pixels."""
    chunks = list(read_chunks(data))
    pixels = b"".join(content for name, content in chunks if name == b"IDAT")
    first = next((index for index, (name, _) in enumerate(chunks) if name == b"IDAT"), len(chunks))
    others = [(name, content) for name, content in chunks if name != b"IDAT"]
    return write_png([*others[:first], (b"IDAT", zlib.compress(pixels, 1)), *others[first:]])


def decompress_png(data):
    """Undo `compress_png`, so that a fuzzer can change the pixels of a valid PNG."""
    chunks = list(read_chunks(data))
    pixels = zlib.decompress(b"".join(content for name, content in chunks if name == b"IDAT"))
    others = [(name, content) for name, content in chunks if name != b"IDAT"]
    return write_png([*others[:-1], (b"IDAT", pixels), others[-1]])
