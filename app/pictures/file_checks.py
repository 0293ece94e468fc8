"""Recognition of files of known formats that are not supported."""

import re

from app.pictures.errors import UnsupportedFormatError

# Format → pattern of the first bytes. AVIF and HEIC have a list of brands in their first box, `ftyp`, and both may
# begin with the brand `mif1`. Source: the table of magic numbers of the command `file`; ISO/IEC 23008-12, section 10.
UNSUPPORTED_FORMATS = {
    "GIF": re.compile(rb"GIF8[79]a"),
    "TIFF": re.compile(rb"II[*+]\0|MM\0[*+]"),
    "PDF": re.compile(rb"%PDF-"),
    "AVIF": re.compile(rb"\0\0..ftyp(?:.{4}){0,12}?avi[fs]", re.DOTALL),
    "HEIC": re.compile(rb"\0\0..ftyp(?:.{4}){0,12}?(?:he[iv][cxms]|mif1|msf1)", re.DOTALL),
    # Pillow decodes it in Python, which takes 0.6 s for each megapixel. Only a header of 12 bytes names no compression.
    "RLE-compressed BMP": re.compile(rb"BM.{12}(?!\x0c\0\0\0).{16}[\1\2]\0\0\0", re.DOTALL),
}


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
