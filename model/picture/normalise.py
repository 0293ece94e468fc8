"""Normalisation: turns the strokes of a picture into an 8×8 image like those of the training set.

The training set was made from scans with NIST's form-processing programs. The images still show the effects of
these programs: all digits fill the same box, strokes have about the same width, digits stand upright. A network that
learned from such images classifies other images well only if they were made in the same way. The steps:

    remove_noise            set specks and faint pixels to background
    crop                    keep the bounding box of the foreground
    stretch                 resize to 32 rows and up to 20 columns, and centre it in a binary bitmap of 32×32
    normalise_stroke_width  erode wide strokes, dilate narrow ones
    remove_slant            shift the rows until the digit stands upright
    sum_blocks              count the foreground pixels in blocks of 4×4: 0 to 16

Background subtraction comes before these steps (`background.py`), and decoding of files before that (`app/`).

Source: Garris, Blue, Candela, Dimmick, Geist, Grother, Janet and Wilson 1994, "NIST form-based handprint
recognition system", NISTIR 5469; the data set's own description says that it used these programs.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from model.errors import BlankPictureError
from model.mlp import IMAGE_SIDE, Floats32
from model.picture.components import remove_small_components
from model.picture.resample import resize

Step: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]  # from the result of the step before to its own result

BITMAP_SIDE = 32  # rows and columns of the bitmaps from which the training set was made
BLOCK_SIDE = BITMAP_SIDE // IMAGE_SIDE
BOX_WIDTH = 20  # columns into which a digit is stretched; its height is always all 32 rows
# Largest ratio of the horizontal to the vertical scale. Without it, a 1 that is a single vertical line would be
# stretched to 20 columns.
MAX_WIDENING = 1.35
MIN_COVERAGE = 0.25  # pixels with less coverage belong to no stroke
COVERED = 0.5  # a pixel counts as covered if a stroke covers half of it

# The rule for the stroke width: pairs (limit, dilations). Of the pairs whose limit is below the number of foreground
# pixels, the first one applies. A negative number of dilations means erosions.
STROKE_WIDTH_DILATIONS = ((560, -2), (412, -1), (255, 0), (107, 1), (-1, 2))


def remove_noise(coverage: NDArray[Any]) -> Floats32:
    """Set specks and faint pixels to background.

    Args:
        coverage: Foreground coverage, shape (height, width), in [0, 1].
    Returns:
        The coverage of the strokes, same shape, float32; 0 elsewhere.
    """
    is_stroke = remove_small_components(coverage >= MIN_COVERAGE)
    return np.where(is_stroke, coverage, 0).astype(np.float32)


def crop(coverage: Floats32) -> Floats32:
    """Keep the bounding box of the covered pixels.

    Args:
        coverage: Foreground coverage, shape (height, width), in [0, 1].
    Returns:
        The part inside the bounding box, shape (h, w).
    Raises:
        BlankPictureError: No pixel is covered.
    """
    is_covered = coverage >= COVERED
    rows, columns = np.flatnonzero(is_covered.any(axis=1)), np.flatnonzero(is_covered.any(axis=0))
    if rows.size == 0:
        raise BlankPictureError
    return coverage[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def stretch(coverage: Floats32, box_width: int = BOX_WIDTH, max_widening: float = MAX_WIDENING) -> NDArray[np.bool_]:
    """Resize a digit to the height of the bitmap and to up to `box_width` columns, and make it binary.

    The horizontal scale is at most `max_widening` times the vertical scale, so a narrow digit stays narrow.
    The threshold adapts to the stroke: take the largest coverage of each row, and halve the mean of these.
    So a hairline, whose coverage shrinks with the picture, still reaches the threshold.

    Args:
        coverage: Foreground coverage of a cropped digit, shape (h, w), in [0, 1].
        box_width: Largest number of columns, 1…32.
        max_widening: Largest ratio of the horizontal to the vertical scale, above 0.
    Returns:
        The bitmap, shape (32, 32), true on foreground, with the digit in the middle.
    """
    height, width = coverage.shape
    box_width = max(1, min(box_width, round(width * max_widening * BITMAP_SIDE / height)))
    box = resize(coverage, BITMAP_SIDE, box_width)
    bitmap = np.zeros((BITMAP_SIDE, BITMAP_SIDE), dtype=bool)
    left = (BITMAP_SIDE - box_width) // 2
    bitmap[:, left : left + box_width] = box >= box.max(axis=1).mean() / 2
    return bitmap


def normalise_stroke_width(bitmap: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Bring the strokes to about the width that they have in the training set.

    Args:
        bitmap: Shape (32, 32).
    Returns:
        The bitmap after zero to two dilations or erosions; the number of its foreground pixels decides how many.
    """
    foreground_pixels = int(bitmap.sum())
    dilations = next(count for limit, count in STROKE_WIDTH_DILATIONS if foreground_pixels > limit)
    for _ in range(abs(dilations)):
        changed = dilate(bitmap) if dilations > 0 else ~dilate(~bitmap)
        if not changed.any():  # the strokes are so narrow that an erosion would leave nothing
            break
        bitmap = changed
    return bitmap


def dilate(bitmap: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Set the four neighbours of every true pixel to true: a binary dilation with a cross.

    Args:
        bitmap: Any shape (h, w).
    Returns:
        The dilated bitmap, same shape.
    """
    dilated = bitmap.copy()
    dilated[1:] |= bitmap[:-1]
    dilated[:-1] |= bitmap[1:]
    dilated[:, 1:] |= bitmap[:, :-1]
    dilated[:, :-1] |= bitmap[:, 1:]
    return dilated


def remove_slant(bitmap: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Shift the rows of a digit so that its left edges near the top and near the bottom align.

    The two edges are measured two rows below the top row and two rows above the bottom row of the digit.
    Each edge moves half of the way towards the other. Pixels that leave the bitmap are lost.

    Args:
        bitmap: Shape (32, 32), with at least one true pixel.
    Returns:
        The bitmap without slant, same shape.
    """
    rows = np.flatnonzero(bitmap.any(axis=1))
    top, bottom = rows[[0, -1]] + (2, -2)
    if top >= bottom or not (bitmap[top].any() and bitmap[bottom].any()):
        return bitmap
    slant = int(bitmap[bottom].argmax()) - int(bitmap[top].argmax())  # columns by which the bottom is further right
    # Share of the slant: 1 at the top, 0 at the bottom. Half of the slant is subtracted, so both edges move half of
    # the way.
    share = (bottom - np.arange(BITMAP_SIDE)) / (bottom - top)  # (32,)
    shifts = np.round(slant * share).astype(int) - round(slant / 2)  # (32,)
    # Above and below the digit, the share is extrapolated. These shifts can exceed the padding if the digit is short.
    shifts = shifts.clip(-BITMAP_SIDE, BITMAP_SIDE)
    padded = np.pad(bitmap, ((0, 0), (BITMAP_SIDE, BITMAP_SIDE)))
    columns = np.arange(BITMAP_SIDE, 2 * BITMAP_SIDE) - shifts[:, None]  # (32, 32), source columns
    return np.take_along_axis(padded, columns, axis=1)


def sum_blocks(bitmap: NDArray[np.bool_]) -> Floats32:
    """Count the foreground pixels in blocks of 4×4.

    Args:
        bitmap: Shape (32, 32).
    Returns:
        The image, shape (8, 8), float32 in [0, 16].
    Example:
        >>> float(sum_blocks(np.ones((32, 32), bool)).min())
        16.0
    """
    blocks = bitmap.reshape(IMAGE_SIDE, BLOCK_SIDE, IMAGE_SIDE, BLOCK_SIDE)
    return np.asarray(blocks.sum(axis=(1, 3)), np.float32)


NORMALISATION_STEPS: tuple[Step, ...] = (remove_noise, crop, stretch, normalise_stroke_width, remove_slant, sum_blocks)


def normalise_digit(coverage: NDArray[Any], steps: Sequence[Step] = NORMALISATION_STEPS) -> Floats32:
    """Turn the strokes of a digit into the 8×8 image that the network classifies.

    Args:
        coverage: Foreground coverage, shape (height, width): floats in [0, 1], or booleans.
        steps: The steps. The generator of synthetic handwriting varies one of them.
    Returns:
        The normalised image, shape (8, 8), float32 in [0, 16].
    Raises:
        BlankPictureError: There is no foreground.
    Example:
        >>> diagonal = np.eye(90) > 0  # a line that leans more than any handwritten 1
        >>> normalise_digit(diagonal).any(axis=0).sum()  # columns of the image that hold ink
        np.int64(2)
    """
    result = coverage
    for step in steps:
        result = step(result)
    return result
