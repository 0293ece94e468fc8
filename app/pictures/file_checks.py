"""Checks of the bytes of a picture file, before the file is decoded."""

import re

from app.pictures.errors import UndecodableError, UnsupportedFormatError

# Format → pattern of the first bytes. AVIF and HEIC have a list of brands in their first box, `ftyp`, and both may
# begin with the brand `mif1`. Source: the table of magic numbers of the command `file`; ISO/IEC 23008-12, section 10.
UNSUPPORTED_FORMATS = {
    "GIF": re.compile(rb"GIF8[79]a"),
    "TIFF": re.compile(rb"II[*+]\0|MM\0[*+]"),
    "PDF": re.compile(rb"%PDF-"),
    "AVIF": re.compile(rb"\0\0..ftyp(?:.{4}){0,12}?avi[fs]", re.DOTALL),
    "HEIC": re.compile(rb"\0\0..ftyp(?:.{4}){0,12}?(?:he[iv][cxms]|mif1|msf1)", re.DOTALL),
}

JPEG_START, JPEG_SCAN, JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"
# Scans of a progressive JPEG, counted as occurrences of a marker of two bytes in the whole file. Encoders write about
# ten scans, and each takes milliseconds. Phones append short videos to photos, and 8 MiB of video contain the
# marker 128 times by chance.
MAX_SCANS = 250
MAX_SEGMENTS = 8192  # application and comment segments of a JPEG; Pillow creates an object for each of them
MAX_SCANS_WITHOUT_END = 30  # because such a file is decoded twice
# Bytes that a scan could contain. The decoder skips them if the scan is complete, and decodes them if it is not. They
# fill more than one block of pixels, and continue behind each of the eight markers at which a decoder can start anew.
FURTHER_SCAN_DATA = b"\x2a" * 4096 + b"".join(bytes((0xFF, 0xD0 + number)) + b"\x2a" * 64 for number in range(8))


def require_supported_format(data: bytes) -> None:
    """Reject a file whose first bytes are those of a known format that is not supported.

    Args:
        data: Content of the file.
    Raises:
        UnsupportedFormatError: The format is one of `UNSUPPORTED_FORMATS`.
    """
    for name, pattern in UNSUPPORTED_FORMATS.items():
        if pattern.match(data):
            raise UnsupportedFormatError(f"{name} files are not supported.")


def require_few_markers(data: bytes) -> None:
    """Reject a JPEG with so many scans or segments that decoding would take seconds.

    Args:
        data: Content of the file.
    Raises:
        UndecodableError: The file has more scans or segments than encoders write.
    """
    if data.startswith(JPEG_START) and (
        data.count(JPEG_SCAN) > MAX_SCANS
        or sum(data.count(bytes((0xFF, kind))) for kind in (*range(0xE0, 0xF0), 0xFE)) > MAX_SEGMENTS
    ):
        raise UndecodableError


def complete_variants(data: bytes) -> list[bytes]:
    """Complete a JPEG without its end marker, which some cameras and transfers leave out.

    Nothing in the file tells whether its last scan is complete. The decoder fills the missing part with grey. So there
    are two variants, with different bytes in place of a missing part. Their pictures differ if a part is missing.

    Args:
        data: Content of the file.
    Returns:
        Two variants of a JPEG without its end marker, otherwise only the content itself. A progressive JPEG that ends
        between two scans counts as complete; its picture has less detail.
    """
    last_scan = data.rfind(JPEG_SCAN)
    has_end = last_scan < 0 or data.find(JPEG_END, last_scan) >= 0
    if has_end or not data.startswith(JPEG_START) or data.count(JPEG_SCAN) > MAX_SCANS_WITHOUT_END:
        return [data]
    data = data.removesuffix(JPEG_END[:1])
    return [data + JPEG_END, data + FURTHER_SCAN_DATA + JPEG_END]
