"""Checks of a JPEG before it is decoded, and its reduction to the parts that decoding needs.

A JPEG is a sequence of segments. Each segment begins with a marker of two bytes, and most segments tell their length.
The first scan ends the head of the file. Pillow interprets the head in Python, byte by byte where it expects a marker.
So everything that decoding does not need is removed from the head. The segments are found as libjpeg finds them, so a
file cannot hide scans behind a false end marker.
"""

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from app.pictures.errors import UndecodableError

JPEG_START, JPEG_SCAN, JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"
# The data of a scan also contain 0xFF before a zero, before a further 0xFF, and in restart markers.
MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
MARKER_WITHOUT_LENGTH = re.compile(rb"\xff[\x01-\xbf\xd8\xd9]")
# Tables and frames, and the application segments that tell how colours are stored.
NEEDED_SEGMENT = re.compile(rb"\xff(?:[\xc0-\xdf]|\xe0..JFIF\0|\xee..Adobe)", re.DOTALL)
EXIF_SEGMENT = re.compile(rb"\xff\xe1..Exif\0\0", re.DOTALL)  # tells the orientation
# Lossless, hierarchical and arithmetic coding. Cameras do not write them, and what they cost was not measured.
UNSUPPORTED_FRAME = re.compile(rb"\xff[\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf]")

MAX_SEGMENTS = 8192
# EXIF data have up to 64 KiB, and the tables of an encoder less than 4 KiB. Pillow creates an object for each entry.
MAX_JPEG_HEAD_BYTES = 128 * 1024
# An empty scan of 16 megapixels takes 11 ms. Encoders write 6 to 18 scans. A smaller picture may have more scans, until
# they take the same time together.
MAX_SCANS_OF_LARGEST_PICTURE = 20
MAX_SCANS = 250
# A JPEG without an end marker is decoded twice, so it may have fewer scans, and fewer bytes if it has several scans.
MAX_SCANS_WITHOUT_END = 20
MAX_BYTES_WITHOUT_END = 2 * 1024 * 1024
# Data arrive at libjpeg in blocks of 64 KiB. With each block, it reads the fill bytes before a marker from the first.
TOO_MANY_FILL_BYTES = b"\xff" * 1024
# Bytes that a scan could contain. The decoder skips them if the scan is complete, and decodes them if it is not. They
# fill more than one block of pixels, and continue behind each of the eight markers at which a decoder can start anew.
FURTHER_SCAN_DATA = b"\x2a" * 4096 + b"".join(bytes((0xFF, 0xD0 + number)) + b"\x2a" * 64 for number in range(8))


class Segment(NamedTuple):
    """A segment of a JPEG."""

    marker: bytes
    start: int  # position of the marker in the file
    end: int  # position behind the segment; of a scan, behind its header


def find_segments(data: bytes) -> Iterator[Segment]:
    """Find the segments of a JPEG, from its start marker to its end marker.

    Args:
        data: Content of the file.
    Yields:
        The segments. The last segment is the end marker, unless the marker is missing.
    Raises:
        UndecodableError: The file has more than `MAX_SEGMENTS` segments.
    """
    end = len(JPEG_START)
    for _ in range(MAX_SEGMENTS):
        if not (match := MARKER.search(data, end)):
            return
        marker, start, end = match.group(), match.start(), match.end()
        if not MARKER_WITHOUT_LENGTH.match(marker):
            end += max(2, int.from_bytes(data[end : end + 2]))
        yield Segment(marker, start, end)
        if marker == JPEG_END:
            return
    raise UndecodableError


def count_scans(data: bytes) -> int:
    """Count the scans of a JPEG.

    Args:
        data: Content of the file.
    Returns:
        The number of scans; 0 if the file is not a JPEG.
    Raises:
        UndecodableError: The file has more than `MAX_SEGMENTS` segments.
    """
    return sum(s.marker == JPEG_SCAN for s in find_segments(data)) if data.startswith(JPEG_START) else 0


def require_few_scans(scans: int, pixels: int, max_pixels: int) -> None:
    """Reject a JPEG with so many scans that decoding would take seconds.

    Args:
        scans: Number of scans.
        pixels: Number of pixels.
        max_pixels: Largest number of pixels of a picture.
    Raises:
        UndecodableError: The JPEG has more scans than a picture of its size may have.
    """
    if scans > min(MAX_SCANS, MAX_SCANS_OF_LARGEST_PICTURE * max_pixels // pixels):
        raise UndecodableError


def reduce_jpeg(data: bytes) -> bytes:
    """Remove what decoding does not need: comments, previews, colour profiles, and bytes behind the end marker.

    Args:
        data: Content of the file.
    Returns:
        The smaller JPEG; a file that is not a JPEG is unchanged.
    Raises:
        UndecodableError: The JPEG has an unsupported kind of frame, or exceeds a limit of this module.
    """
    if not data.startswith(JPEG_START):
        return data
    segments = list(find_segments(data))
    head = list(takewhile(lambda segment: segment.marker not in (JPEG_SCAN, JPEG_END), segments))
    rest_start = segments[len(head)].start if len(head) < len(segments) else len(data)
    rest_end = segments[-1].end if segments and segments[-1].marker == JPEG_END else len(data)
    needed = [segment for segment in head if NEEDED_SEGMENT.match(data, segment.start, segment.end)]
    needed += [segment for segment in head if EXIF_SEGMENT.match(data, segment.start, segment.end)][:1]
    if (
        any(UNSUPPORTED_FRAME.match(segment.marker) for segment in needed)
        or sum(segment.end - segment.start for segment in needed) > MAX_JPEG_HEAD_BYTES
        or data.find(TOO_MANY_FILL_BYTES, rest_start, rest_end) >= 0
    ):
        raise UndecodableError
    return b"".join([JPEG_START, *(data[s.start : s.end] for s in needed), data[rest_start:rest_end]])


def complete_variants(data: bytes, scans: int) -> list[bytes]:
    """Complete a JPEG without its end marker, which some cameras and transfers leave out.

    Nothing in the file tells whether its last scan is complete. The decoder fills the missing part with grey. So there
    are two variants, with different bytes in place of a missing part. Their pictures differ if a part is missing.

    Args:
        data: Content of the file, as `reduce_jpeg` returns it.
        scans: Number of scans of a JPEG; 0 for another file.
    Returns:
        Two variants of a JPEG without its end marker, otherwise only the content itself. A progressive JPEG that ends
        between two scans counts as complete; its picture has less detail.
    """
    is_expensive = scans > MAX_SCANS_WITHOUT_END or (scans > 1 and len(data) > MAX_BYTES_WITHOUT_END)
    if scans == 0 or is_expensive or data.endswith(JPEG_END):
        return [data]
    data = data.removesuffix(JPEG_END[:1])
    return [data + JPEG_END, data + FURTHER_SCAN_DATA + JPEG_END]
