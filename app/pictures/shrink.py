"""Conversion of a decoded picture to a small one with 8 bits for each colour and without transparency.

The picture is converted tile by tile, so only Pillow's own copy is large, and a plane with the opacity.
"""

from itertools import product

import numpy as np
from PIL import Image, ImageChops

WORKING_SIDE = 1024  # pixels along the longer side of the small picture; a digit 50 pixels high is still recognised
TILE_SIDE = 512  # largest side of a tile, in pixels of the large picture
OPAQUE = 255
MAX_STROKES_SHARE = 0.6  # of the picture; strokes on a transparent background are not larger
MAX_DARK_SHARE = 0.25  # of the visible pixels; the edges of bright strokes can be dark


def shrink(picture: Image.Image) -> Image.Image:
    """Convert a picture to a small one, tile by tile.

    Args:
        picture: A decoded picture of any mode.
    Returns:
        Picture of mode L if all pixels are grey, otherwise of mode RGB; at most 1024 pixels along the longer side.
    """
    width, height = picture.size
    factor = -(-max(width, height) // WORKING_SIDE)
    step = max(1, TILE_SIDE // factor) * factor
    mode, white = small_mode(picture), grey_of_white(picture)
    small = Image.new(mode, (-(-width // factor), -(-height // factor)))
    for top, left in product(range(0, height, step), range(0, width, step)):
        tile = picture.crop((left, top, min(width, left + step), min(height, top + step)))
        small.paste(convert(tile, mode, white).reduce(factor), (left // factor, top // factor))
    return remove_colour(fill_transparency(small) if mode == "RGBA" else small)


def small_mode(picture: Image.Image) -> str:
    """Choose the mode of the small picture.

    Args:
        picture: A decoded picture of any mode.
    Returns:
        RGBA if a part of the picture can be transparent; L for grey pictures; otherwise RGB.
    """
    bands = picture.getbands()
    is_opaque = bands[-1] == "A" and picture.getchannel("A").getextrema()[0] == OPAQUE
    if picture.has_transparency_data and not is_opaque:
        return "RGBA"
    return "L" if bands[0] in {"1", "L", "I"} else "RGB"


def grey_of_white(picture: Image.Image) -> int:
    """Return the grey level of white: the largest number of the used bits, of which there are at least 8.

    Cameras and scanners save 10 or 12 bits in a file of 16 bits.

    Args:
        picture: A decoded picture; only those with 16 bits a pixel have more than 8 bits.
    Returns:
        The grey level, 255…65535.
    """
    if picture.getbands() != ("I",):
        return 255
    largest = int(np.asarray(picture.getextrema())[1])
    return (1 << max(8, largest.bit_length())) - 1


def convert(tile: Image.Image, mode: str, white: int) -> Image.Image:
    """Convert a tile to the mode of the small picture.

    Args:
        tile: Picture of any mode.
        mode: Return value of `small_mode`.
        white: Return value of `grey_of_white`.
    Returns:
        Picture of that mode.
    """
    if tile.getbands() == ("I",):  # 16 bits a pixel, which Pillow would clip to 255
        deep = np.asarray(tile)
        transparent = tile.info.get("transparency")
        tile = Image.fromarray((deep.astype(np.uint32) * 255 // white).astype(np.uint8))
        if transparent is not None:
            tile.putalpha(Image.fromarray(np.where(deep == transparent, 0, OPAQUE).astype(np.uint8)))
    return tile.convert(mode)


def fill_transparency(picture: Image.Image) -> Image.Image:
    """Put a picture on a white background, or on a black one if its strokes would not stand out from white.

    Args:
        picture: Picture of mode RGBA.
    Returns:
        Picture of mode RGB.
    """
    opacity = picture.getchannel("A")
    visible = opacity.point([0] * 128 + [OPAQUE] * 128)
    counts = picture.convert("L").histogram(visible)
    is_bright = sum(counts[:128]) < MAX_DARK_SHARE * sum(counts)
    has_background = sum(counts) > MAX_STROKES_SHARE * picture.width * picture.height
    filled = Image.new("RGB", picture.size, "black" if is_bright and not has_background else "white")
    filled.paste(picture, mask=opacity)
    return filled


def remove_colour(picture: Image.Image) -> Image.Image:
    """Convert a picture to greyscale if all its pixels are grey.

    Args:
        picture: Picture of mode L or RGB.
    Returns:
        Picture of mode L; the same picture if it has a colour.
    """
    first, *others = picture.split()
    has_colour = any(ImageChops.difference(first, other).getbbox() for other in others)
    return picture if has_colour else first
