"""From ink to the 8×8 that the network reads, by the steps that made its training set.

The images of the data set were made from scans by NIST's form-processing programs, and the traces of
these are in it: digits stretched to the same box, strokes of about the same weight, upright. A network that
learned from such images reads others only if they were made the same way:

    find_ink       drop the specks of a picture
    crop           keep the box around the ink
    stretch        to 32 rows and up to 20 columns, whatever its shape was, black or white
    normalise_ink  thin what is fat, thicken what is thin
    remove_slant   move the rows until the digit stands upright
    sum_blocks     count the ink in blocks of 4×4: 0 to 16

What is left out on purpose: taking ink off paper (`paper.py`), and files of pictures (`app/`).

Source: Garris, Blue, Candela, Dimmick, Geist, Grother, Janet and Wilson 1994, "NIST form-based handprint
recognition system", NISTIR 5469; the data set's own description says that it used these programs.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.errors import BlankPictureError
from model.mlp import IMAGE_SIDE, Floats32
from model.picture.components import remove_specks
from model.picture.resample import resize

FIELD = 32  # rows and columns of the originals
BLOCK = FIELD // IMAGE_SIDE
BOX_WIDTH = 20  # columns into which a digit is stretched; it gets all the rows
MAX_WIDENING = 1.35  # a bare vertical one stays narrow
EDGE = 0.25  # less ink belongs to no stroke
COVERED = 0.5  # a point that a pen covers by half is ink

# Points of ink in the field → how often strokes are thinned (negative) or thickened.
INK_STEPS = ((560, -2), (412, -1), (255, 0), (107, 1), (-1, 2))


def find_ink(ink: NDArray[Any]) -> Floats32:
    """Keep the strokes of a picture and drop its specks.

    Args:
        ink: Shape (height, width), in [0, 1].
    Returns:
        The same as float32; 0 wherever there is no stroke.
    """
    strokes = remove_specks(ink >= EDGE)
    return np.where(strokes, ink, 0).astype(np.float32)


def crop(ink: Floats32) -> Floats32:
    """Keep the box around the ink.

    Args:
        ink: Shape (height, width), in [0, 1].
    Returns:
        Shape (h, w), as much of it as rows and columns with a covered point span.
    Raises:
        BlankPictureError: No point is covered.
    """
    covered = ink >= COVERED
    rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
    if rows.size == 0:
        raise BlankPictureError
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def stretch(ink: Floats32) -> NDArray[np.bool_]:
    """Give a digit the height of the field and 20 of its columns, whatever its own shape.

    Only what is narrow is not widened by more than 1.35 times what it is made higher. Ink is what reaches
    half of what the pen reaches in a row, on average, so that a hairline survives being made smaller.

    Args:
        ink: Shape (h, w), in [0, 1], cropped.
    Returns:
        The field, shape (32, 32), the digit in the middle.
    """
    height, width = ink.shape
    box_width = max(1, min(BOX_WIDTH, round(width * MAX_WIDENING * FIELD / height)))
    box = resize(ink, FIELD, box_width)
    field = np.zeros((FIELD, FIELD), dtype=bool)
    left = (FIELD - box_width) // 2
    field[:, left : left + box_width] = box >= box.max(axis=1).mean() / 2
    return field


def normalise_ink(field: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Bring strokes to the weight that the training set has.

    Args:
        field: Shape (32, 32).
    Returns:
        The field with strokes thinned or thickened once or twice, or as it was.
    """
    ink = int(field.sum())
    steps = next(steps for least, steps in INK_STEPS if ink > least)
    for _ in range(abs(steps)):
        changed = thicken(field) if steps > 0 else ~thicken(~field)
        if not changed.any():  # dots everywhere, none of them a stroke
            break
        field = changed
    return field


def thicken(field: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Grow what is true by one point to each of its four sides.

    Args:
        field: Any shape (h, w).
    Returns:
        The same shape.
    """
    grown = field.copy()
    grown[1:] |= field[:-1]
    grown[:-1] |= field[1:]
    grown[:, 1:] |= field[:, :-1]
    grown[:, :-1] |= field[:, 1:]
    return grown


def remove_slant(field: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Make a digit stand upright: move each row until the left edges near top and bottom meet.

    The edges are those of the second row below the top and above the bottom. Each goes half of
    the way, and what is moved out of the field is cut off.

    Args:
        field: Shape (32, 32).
    Returns:
        The same shape.
    """
    rows = np.flatnonzero(field.any(axis=1))
    top, bottom = rows[[0, -1]] + (2, -2)
    if top >= bottom or not (field[top].any() and field[bottom].any()):
        return field
    slant = int(field[bottom].argmax()) - int(field[top].argmax())  # columns from top to bottom
    along = (bottom - np.arange(FIELD)) / (bottom - top)  # 1 at the top, 0 at the bottom
    shifts = np.round(slant * along).astype(int) - round(slant / 2)  # (32,)
    shifts = shifts.clip(-FIELD, FIELD)  # in a low digit the rows beyond its ends would go further
    wide = np.pad(field, ((0, 0), (FIELD, FIELD)))
    columns = np.arange(FIELD, 2 * FIELD) - shifts[:, None]  # (32, 32)
    return np.take_along_axis(wide, columns, axis=1)


def sum_blocks(field: NDArray[np.bool_]) -> Floats32:
    """Count the ink in blocks of 4×4.

    Args:
        field: Shape (32, 32).
    Returns:
        Shape (8, 8), float32 in [0, 16].
    Example:
        >>> float(sum_blocks(np.ones((32, 32), bool)).min())
        16.0
    """
    image: Floats32 = field.reshape(IMAGE_SIDE, BLOCK, IMAGE_SIDE, BLOCK).sum(axis=(1, 3)).astype(np.float32)
    return image


NORMALISATION_STEPS: tuple[Callable[[NDArray[Any]], NDArray[Any]], ...] = (
    find_ink,
    crop,
    stretch,
    normalise_ink,
    remove_slant,
    sum_blocks,
)


def normalise_digit(ink: NDArray[Any]) -> Floats32:
    """Make the 8×8 of a picture's ink.

    Args:
        ink: Shape (height, width), booleans, or floats in [0, 1] where 1 is ink.
    Returns:
        Shape (8, 8), float32 in [0, 16].
    Raises:
        BlankPictureError: There is no ink.
    Example:
        >>> upright = normalise_digit(np.eye(90) > 0)  # a diagonal, which has more slant than any one
        >>> upright.any(axis=0).sum()
        np.int64(2)
    """
    for step in NORMALISATION_STEPS:
        ink = step(ink)
    return ink
