"""Checks of PNG and WebP files before they are decoded. Both formats are sequences of chunks that tell their length."""

import struct

from app.pictures.errors import UndecodableError

PNG_START = b"\x89PNG\r\n\x1a\n"
NEEDED_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND")
MAX_CHUNKS = 16_384  # of a PNG or WebP; a PNG of 8 MiB has 8,192 chunks of 1 KiB
LOSSLESS_CHUNKS = (b"VP8L", b"ALPH")

CHUNK_HEAD_BYTES, CHECKSUM_BYTES = 8, 4  # only a PNG has checksums
WEBP_HEAD_BYTES, FRAME_HEAD_BYTES = 12, 16


def reduce_png(data: bytes) -> bytes:
    """Remove what decoding does not need: comments, colour profiles, the frames of an animation, and unknown chunks.

    Args:
        data: Content of the file.
    Returns:
        The smaller PNG; a file that is not a PNG is unchanged.
    Raises:
        UndecodableError: The PNG has more than `MAX_CHUNKS` chunks.
    """
    if not data.startswith(PNG_START):
        return data
    parts, chunks, position, name = [PNG_START], 0, len(PNG_START), b""
    while position + CHUNK_HEAD_BYTES <= len(data) and name != b"IEND":
        size, name = struct.unpack_from(">I4s", data, position)
        end = position + CHUNK_HEAD_BYTES + size + CHECKSUM_BYTES
        if name in NEEDED_CHUNKS:
            parts.append(data[position:end])
        position = end
        chunks += 1
        if chunks > MAX_CHUNKS:
            raise UndecodableError
    return b"".join(parts)


def count_lossless_bytes(data: bytes) -> int:
    """Count the bytes of a WebP that are compressed without loss: those of the picture, or those of its transparency.

    Args:
        data: Content of the file.
    Returns:
        The number of bytes in all frames.
    Raises:
        UndecodableError: The WebP has more than `MAX_CHUNKS` chunks.
    """
    total, chunks, position = 0, 0, WEBP_HEAD_BYTES
    while position + CHUNK_HEAD_BYTES <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        if name in LOSSLESS_CHUNKS:
            total += size
        # The chunk of a frame contains further chunks.
        position += CHUNK_HEAD_BYTES + (FRAME_HEAD_BYTES if name == b"ANMF" else size + size % 2)
        chunks += 1
        if chunks > MAX_CHUNKS:
            raise UndecodableError
    return total
