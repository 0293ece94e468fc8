"""Decoding picture files with limits on memory and time.

The head of a file tells how much memory the decoder will need, so a decompression bomb is rejected before it
is decoded. What decoding does not need is removed from the file first. The decoded picture is converted to a
small picture (`shrink.py`).
"""

import warnings
from io import BytesIO
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, WebPImagePlugin

from app.pictures.chunks import count_lossless_bytes, reduce_png
from app.pictures.errors import PictureTooLargeError, UndecodableError, UnsupportedFormatError
from app.pictures.file_checks import require_supported_format
from app.pictures.jpeg import complete_variants, count_scans, reduce_jpeg, require_few_scans
from app.pictures.shrink import WORKING_SIDE, shrink
from model import Floats32, convert_picture

WEBP = WebPImagePlugin.WebPImageFile.format  # its plugin is imported by name: otherwise Pillow would import all plugins
FORMATS = ("PNG", "JPEG", WEBP, "BMP")  # Pillow's names
# The WebP decoder holds four copies of a picture, and the other decoders up to one and a half. That is less than three
# times as much, so a WebP picture may have a third of the pixels.
WEBP_MEMORY_FACTOR = 3
# In a lossless WebP, every 4×4 pixels may have prefix codes of their own. The decoder allocates up to 20 KiB for such
# codes, and the codes take only 2.5 bytes of the file. So a large lossless picture must have few bytes.
MAX_LOSSLESS_BYTES = 40_000
MAX_LOSSLESS_PIXELS = 96_000  # if there are more bytes
# The decoder of a JPEG with several scans holds two bytes for each pixel and colour, and the fourth colour exceeds the
# memory. A PNG with 16 bits for each colour takes twice as long as one with 8 bits.
LARGE_PIXEL_FACTOR = 2
DEEP_PNG_MODES = ("RGB;16B", "LA;16B", "RGBA;16B")  # Pillow's names
MAX_SIDE = 65_535  # pixels, the limit of JPEG, applied to every format
MAX_EXIF_BYTES = 65_536  # a JPEG has no more in one segment, and other formats need no more; Pillow parses it in Python

Image.MAX_IMAGE_PIXELS = None  # switches Pillow's own limit off; `require_size` applies the limit of the settings
# Python keeps the text of each different warning, and the texts contain numbers from the files.
warnings.filterwarnings("ignore", module=r"PIL\.")


def image_from_file(file: BinaryIO, max_pixels: int) -> Floats32:
    """Convert a picture file to the image that the network takes.

    Args:
        file: A PNG, JPEG, WebP or BMP file; it is closed after it is read.
        max_pixels: Largest number of pixels of a picture; some kinds of files may have fewer.
    Returns:
        Image, shape (8, 8), float32 in [0, 16].
    Raises:
        PictureTooLargeError: The picture has more pixels than its format may have, or more than 65,535 along a side.
        UnsupportedFormatError: The file has a known format that is not supported.
        UndecodableError: The file is damaged or is not a picture.
        BlankPictureError: The picture has no foreground.
        SeveralDigitsError: The picture shows several digits.
    """
    return convert_picture(decode(file, max_pixels))


def decode(file: BinaryIO, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a picture file to a small picture.

    Args:
        file: A PNG, JPEG, WebP or BMP file; it is closed after it is read.
        max_pixels: Largest number of pixels of a picture; some kinds of files may have fewer.
    Returns:
        The picture, upright, at most 1024 pixels along the longer side, uint8: brightness, shape (height, width), or
        red, green and blue, shape (height, width, 3).
    Raises:
        PictureTooLargeError: The picture has more pixels than its format may have, or more than 65,535 along a side.
        UnsupportedFormatError: The file has a known format that is not supported.
        UndecodableError: The file is damaged or is not a picture.
    """
    try:
        return _decode_valid(_read_and_close(file), max_pixels)
    except (PictureTooLargeError, UnsupportedFormatError, MemoryError):
        raise
    except Exception as error:  # Pillow raises errors of many classes for damaged files
        reason = f"{type(error).__name__}: {error}"
    # Raised outside of the handler, because the frames of the original error would keep the picture in
    # memory.
    raise UndecodableError(reason)


def _read_and_close(file: BinaryIO) -> bytes:
    """Read a file and close it, which frees its memory."""
    with file:
        return file.read()


def _decode_valid(data: bytes, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a valid picture file; Pillow raises errors of many classes for other files."""
    require_supported_format(data)
    data = reduce_jpeg(reduce_png(data))
    scans = count_scans(data)
    picture, *others = [_decode_complete(variant, scans, max_pixels) for variant in complete_variants(data, scans)]
    if not all(np.array_equal(picture, other) for other in others):
        raise UndecodableError("A part of the last scan is missing.")
    return picture


def _decode_complete(data: bytes, scans: int, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a file that has its end."""
    with Image.open(BytesIO(data), formats=FORMATS) as picture:
        require_size(picture, *pixel_limit(picture, data, scans, max_pixels))
        require_few_scans(scans, picture.width * picture.height, max_pixels)
        picture.draft(None, draft_size(picture))
        picture.load()
        exif = picture.info.get("exif", b"")[:MAX_EXIF_BYTES]
        picture.info = {"exif": exif, **{k: v for k, v in picture.info.items() if k == "transparency"}}
        return np.asarray(rotate_upright(shrink(picture), picture))


def pixel_limit(picture: ImageFile.ImageFile, data: bytes, scans: int, max_pixels: int) -> tuple[str, int]:
    """Return how many pixels a picture may have, by what its decoder needs for a pixel.

    Args:
        picture: The opened picture.
        data: Content of the file.
        scans: Number of scans of a JPEG.
        max_pixels: Largest number of pixels of a picture.
    Returns:
        The kind of the picture, and the largest number of pixels of such a picture.
    Raises:
        UndecodableError: The WebP has too many chunks.
    """
    if picture.format == WEBP:
        webp_limit = max_pixels // WEBP_MEMORY_FACTOR
        if count_lossless_bytes(data) > MAX_LOSSLESS_BYTES:
            return "WebP with lossless data", min(webp_limit, MAX_LOSSLESS_PIXELS)
        return "WebP", webp_limit
    if picture.mode == "CMYK" and scans > 1:
        return "CMYK JPEG with several scans", max_pixels // LARGE_PIXEL_FACTOR
    if picture.tile and picture.tile[0].args in DEEP_PNG_MODES:  # a JPEG without a scan has no tile
        return "PNG with 16 bits for each colour", max_pixels // LARGE_PIXEL_FACTOR
    return "picture", max_pixels


def draft_size(picture: Image.Image) -> tuple[int, int]:
    """Choose the smallest size at which Pillow may decode a JPEG; it uses a half, a quarter or an eighth of the size.

    Args:
        picture: The opened picture.
    Returns:
        Width and height: the shorter side has at least 512 pixels, or the longer side at least 1024, before rounding
        down. `shrink` then reduces the longer side to at most 1024 pixels.
    """
    scale = max(1, min(picture.size) // (WORKING_SIDE // 2), max(picture.size) // WORKING_SIDE)
    return max(1, picture.width // scale), max(1, picture.height // scale)


def require_size(picture: Image.Image, kind: str, limit: int) -> None:
    """Reject a picture that would take too much memory, before it is decoded.

    Args:
        picture: The opened picture.
        kind: Kind of the picture, for the error.
        limit: Largest number of pixels.
    Raises:
        PictureTooLargeError: The picture has more pixels, or more than 65,535 along a side.
    """
    if picture.width * picture.height > limit or max(picture.size) > MAX_SIDE:
        raise PictureTooLargeError(f"The {kind} must have at most {limit} pixels, and {MAX_SIDE} along a side.")


def rotate_upright(small: Image.Image, original: Image.Image) -> Image.Image:
    """Rotate a picture by the orientation of the camera.

    Args:
        small: Picture to rotate.
        original: Picture with the EXIF data.
    Returns:
        The rotated picture; the same picture if the EXIF data is unreadable.
    Raises:
        MemoryError: There is no memory for the rotation. Without it the prediction could be wrong.
    """
    small.info = original.info
    try:
        return ImageOps.exif_transpose(small)
    except MemoryError:
        raise
    except Exception:  # damaged EXIF data raises errors of many classes, and such a picture is not rotated
        return small
