"""Decoding pictures within bounds: a file goes in, brightness comes out.

What a file will cost is known from its head, so a bomb is refused before it is decoded. What is decoded is
made grey and small at once, a tile at a time, so that nothing but Pillow's own copy is ever large.
"""

from itertools import product
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, Image, ImageOps, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from model import Floats32, normalise_digit, subtract_background

FORMATS = tuple(
    plugin.format
    for plugin in (
        PngImagePlugin.PngImageFile,
        JpegImagePlugin.JpegImageFile,
        WebPImagePlugin.WebPImageFile,
        BmpImagePlugin.BmpImageFile,
    )
)
# WebP's decoder holds four copies of a picture, the others one and a half at most.
WEBP_COST = 3
MAX_SIDE = 65_535  # pixels, as JPEG has them at most; what is longer is copied in few and large tiles
# Of a progressive JPEG. Encoders write about ten, and each takes milliseconds; but phones append films to
# photos, and in 8 MiB of anything two given bytes stand together 128 times.
MAX_SCANS = 250
MAX_SEGMENTS = 8192  # of a JPEG; each becomes an object before the size is known
WORKING_SIDE = 1024  # pixels along the longer side; a digit of a twentieth of that is still read
TILE = 64  # pixels of the small picture along each side; what is copied at once is that small a part

Image.MAX_IMAGE_PIXELS = None  # Pillow warns at 89 million; here less than that is refused already
PngImagePlugin.MAX_TEXT_MEMORY = 8 * 1024 * 1024  # of comments, inflated; Pillow's 64 MiB are a bomb


class PictureTooLargeError(ValueError):
    """A picture with more pixels than may be decoded.

    Args:
        max_pixels: Most pixels that a picture of this format may have.
    """

    def __init__(self, max_pixels: int) -> None:
        super().__init__(f"The picture must have at most {max_pixels} pixels, and {MAX_SIDE} along a side.")


class UndecodableError(ValueError):
    """Bytes that are no picture of a known format, or a damaged one."""


def read_picture(file: BinaryIO, max_pixels: int) -> Floats32:
    """Make the 8×8 of a file.

    Args:
        file: A PNG, JPEG, WebP or BMP.
        max_pixels: Most pixels that are decoded.
    Returns:
        Shape (8, 8), float32 in [0, 16].
    Raises:
        PictureTooLargeError: It has more pixels.
        UndecodableError: It is not such a file, or is damaged.
        BlankPictureError: It shows no ink.
    """
    return normalise_digit(subtract_background(decode(file, max_pixels)))


def decode(file: BinaryIO, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a picture to the brightness of a small one.

    Args:
        file: As for `read_picture`.
        max_pixels: Most pixels that are decoded.
    Returns:
        Shape (height, width), uint8, upright, at most 1024 along the longer side.
    Raises:
        PictureTooLargeError: It has more pixels.
        UndecodableError: It is not such a file, or is damaged.
    """
    try:
        return decode_sound(file, max_pixels)
    except (PictureTooLargeError, MemoryError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
    # Raised out here, without that error: its frames hold the picture for as long as it is remembered.
    raise UndecodableError(reason)


def decode_sound(file: BinaryIO, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a picture that is not damaged.

    Args:
        file: As for `decode`.
        max_pixels: As for `decode`.
    Returns:
        As `decode`.
    Raises:
        PictureTooLargeError: It has more pixels.
        Exception: Whatever Pillow raises on other files.
    """
    require_few_markers(file)
    with Image.open(file, formats=FORMATS) as picture:
        require_size(picture, max_pixels)
        # JPEG decodes at a fraction of its size, of which both sides are at least this long.
        picture.draft("L", (WORKING_SIDE // 2, WORKING_SIDE // 2))
        picture.load()
        # Every tile gets a copy of it, and a file may hold hundreds of thousands of comments.
        picture.info = {
            name: value for name, value in picture.info.items() if name in ("transparency", "exif")
        }
        return np.asarray(upright(shrink(picture), picture))


def require_few_markers(file: BinaryIO) -> None:
    """Refuse a JPEG of so many pieces that only its decoder would be busy with them.

    Args:
        file: Any file; it is read from its start again afterwards.
    Raises:
        UndecodableError: It has more scans or segments than encoders write.
    """
    data = file.read()
    file.seek(0)
    if data.startswith(b"\xff\xd8") and (
        data.count(b"\xff\xda") > MAX_SCANS
        or sum(data.count(bytes((0xFF, kind))) for kind in (*range(0xE0, 0xF0), 0xFE)) > MAX_SEGMENTS
    ):
        raise UndecodableError


def require_size(picture: Image.Image, max_pixels: int) -> None:
    """Refuse a picture that would take too much memory; nothing of it is decoded yet.

    Args:
        picture: The opened picture.
        max_pixels: As for `decode`; of a WebP a third.
    Raises:
        PictureTooLargeError: It has more pixels.
    """
    bound = max_pixels // (WEBP_COST if picture.format == "WEBP" else 1)
    if picture.width * picture.height > bound or max(picture.size) > MAX_SIDE:
        raise PictureTooLargeError(bound)


def shrink(picture: Image.Image) -> Image.Image:
    """Make a picture grey and small, a tile at a time.

    Args:
        picture: Any mode; it is decoded here if it was not yet.
    Returns:
        A picture of mode L, at most 1024 along the longer side.
    """
    width, height = picture.size
    factor = -(-max(width, height) // WORKING_SIDE)
    tile = TILE * factor
    small = Image.new("L", (-(-width // factor), -(-height // factor)))
    for top, left in product(range(0, height, tile), range(0, width, tile)):
        part = picture.crop((left, top, min(width, left + tile), min(height, top + tile)))
        small.paste(flatten(part).reduce(factor), (left // factor, top // factor))
    return small


def flatten(part: Image.Image) -> Image.Image:
    """Lay a picture on white paper and make it grey.

    Args:
        part: Any mode.
    Returns:
        The same of mode L, without transparency.
    """
    if part.mode.startswith("I"):  # 16 bits a pixel, which Pillow would cut off at 255
        return Image.fromarray((np.asarray(part) >> 8).astype(np.uint8))
    if not part.has_transparency_data:
        return part.convert("L")
    layered = part.convert("RGBA")
    paper = Image.new("RGBA", part.size, "white")
    return Image.alpha_composite(paper, layered).convert("L")


def upright(small: Image.Image, original: Image.Image) -> Image.Image:
    """Turn a picture as its camera was held.

    Args:
        small: What to turn.
        original: Where the EXIF data is.
    Returns:
        The turned picture.
    """
    small.info = original.info
    try:
        return ImageOps.exif_transpose(small)
    except Exception:
        return small  # what cannot be read turns nothing
