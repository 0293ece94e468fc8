"""Decoding picture files with limits on memory and time.

The head of a file tells how much memory the decoder will need, so a decompression bomb is rejected before it
is decoded. The decoded picture is converted to a small greyscale picture tile by tile, so only Pillow's own
copy is large.
"""

from io import BytesIO
from itertools import product
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, PngImagePlugin, WebPImagePlugin

from app.pictures.errors import PictureTooLargeError, UndecodableError, UnsupportedFormatError
from app.pictures.file_checks import complete_variants, require_few_markers, require_supported_format
from model import Floats32, normalise_digit, subtract_background

WEBP = WebPImagePlugin.WebPImageFile.format  # its plugin is imported by name: otherwise Pillow would import all plugins
FORMATS = ("PNG", "JPEG", WEBP, "BMP")  # Pillow's names
# The WebP decoder holds four copies of a picture, and the other decoders up to one and a half. That is less than three
# times as much, so a WebP picture may have a third of the pixels.
WEBP_MEMORY_FACTOR = 3
MAX_SIDE = 65_535  # pixels, the limit of JPEG, applied to every format
WORKING_SIDE = 1024  # pixels along the longer side of the small picture; a digit 50 pixels high is still recognised
TILE_SIDE = 64  # pixels of the small picture along each side of a tile

Image.MAX_IMAGE_PIXELS = None  # switches Pillow's own limit off; `require_size` applies the limit of the settings
PngImagePlugin.MAX_TEXT_MEMORY = 8 * 1024 * 1024  # bytes of decompressed comments; Pillow allows 64 MiB


def image_from_file(file: BinaryIO, max_pixels: int) -> Floats32:
    """Convert a picture file to the image that the network takes.

    Args:
        file: A PNG, JPEG, WebP or BMP file.
        max_pixels: Largest number of pixels of a picture; of a WebP, a third of it.
    Returns:
        Image, shape (8, 8), float32 in [0, 16].
    Raises:
        PictureTooLargeError: The picture has more pixels than its format may have, or more than 65,535 along a side.
        UnsupportedFormatError: The file has a known format that is not supported.
        UndecodableError: The file is damaged or is not a picture.
        BlankPictureError: The picture has no foreground.
    """
    return normalise_digit(subtract_background(decode(file, max_pixels)))


def decode(file: BinaryIO, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a picture file to a small greyscale picture.

    Args:
        file: A PNG, JPEG, WebP or BMP file.
        max_pixels: Largest number of pixels of a picture; of a WebP, a third of it.
    Returns:
        Brightness, shape (height, width), uint8, upright, at most 1024 along the longer side.
    Raises:
        PictureTooLargeError: The picture has more pixels than its format may have, or more than 65,535 along a side.
        UnsupportedFormatError: The file has a known format that is not supported.
        UndecodableError: The file is damaged or is not a picture.
    """
    try:
        return _decode_valid(file.read(), max_pixels)
    except (PictureTooLargeError, UnsupportedFormatError, MemoryError):
        raise
    except Exception as error:  # Pillow raises errors of many classes for damaged files
        reason = f"{type(error).__name__}: {error}"
    # Raised outside of the handler, because the frames of the original error would keep the picture in
    # memory.
    raise UndecodableError(reason)


def _decode_valid(data: bytes, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a valid picture file; Pillow raises errors of many classes for other files."""
    require_supported_format(data)
    require_few_markers(data)
    picture, *others = [_decode_complete(variant, max_pixels) for variant in complete_variants(data)]
    if not all(np.array_equal(picture, other) for other in others):
        raise UndecodableError("A part of the last scan is missing.")
    return picture


def _decode_complete(data: bytes, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a file that has its end."""
    with Image.open(BytesIO(data), formats=FORMATS) as picture:
        require_size(picture, max_pixels)
        # Pillow decodes a large JPEG directly at a half, a quarter or an eighth of its size, as long as both sides
        # of the result have at least 512 pixels. `shrink` then reduces the longer side to at most 1024 pixels.
        picture.draft("L", (WORKING_SIDE // 2, WORKING_SIDE // 2))
        picture.load()
        # Every tile copies this dictionary, and a file may contain hundreds of thousands of comments.
        picture.info = {name: value for name, value in picture.info.items() if name in ("transparency", "exif")}
        return np.asarray(rotate_upright(shrink(picture), picture))


def require_size(picture: Image.Image, max_pixels: int) -> None:
    """Reject a picture that would take too much memory, before it is decoded.

    Args:
        picture: The opened picture.
        max_pixels: Largest number of pixels of a picture; of a WebP, a third of it.
    Raises:
        PictureTooLargeError: The picture has more pixels than its format may have, or more than 65,535 along a side.
    """
    limit = max_pixels // (WEBP_MEMORY_FACTOR if picture.format == WEBP else 1)
    if picture.width * picture.height > limit or max(picture.size) > MAX_SIDE:
        raise PictureTooLargeError(f"The picture must have at most {limit} pixels, and {MAX_SIDE} along a side.")


def shrink(picture: Image.Image) -> Image.Image:
    """Convert a picture to a small greyscale picture, tile by tile.

    Args:
        picture: Picture of any mode; it is decoded here if it is not decoded yet.
    Returns:
        Picture of mode L, at most 1024 pixels along the longer side.
    """
    width, height = picture.size
    factor = -(-max(width, height) // WORKING_SIDE)
    step = TILE_SIDE * factor
    small = Image.new("L", (-(-width // factor), -(-height // factor)))
    for top, left in product(range(0, height, step), range(0, width, step)):
        tile = picture.crop((left, top, min(width, left + step), min(height, top + step)))
        small.paste(to_grey(tile).reduce(factor), (left // factor, top // factor))
    return small


def to_grey(tile: Image.Image) -> Image.Image:
    """Convert a picture to greyscale, with a white background behind its transparent parts.

    Args:
        tile: Picture of any mode.
    Returns:
        Picture of mode L, without transparency.
    """
    if tile.mode.startswith("I"):  # 16 bits a pixel, which Pillow would clip to 255
        return Image.fromarray((np.asarray(tile) >> 8).astype(np.uint8))
    if not tile.has_transparency_data:
        return tile.convert("L")
    background = Image.new("RGBA", tile.size, "white")
    return Image.alpha_composite(background, tile.convert("RGBA")).convert("L")


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
