"""Drawing on a sheet: digits, lines and boxes.

A sheet is an array of shape (height, width, 3) with the reflectance of each colour in [0, 1]. A mask is an array of
shape (height, width) with the share of each pixel that a drawing covers, in [0, 1].
"""

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.pictures import drawing
from training.handwriting.bend import bend
from training.handwriting.strokes import draw_strokes
from training.handwriting.styles import choose_style

OVERSAMPLING = 4


def handwrite(digit, rng):
    """Write a digit with the generator of synthetic handwriting, as polylines of shape (n, 2)."""
    return bend(draw_strokes(choose_style(digit, rng), rng), rng)


def blank(shape, colour):
    """Make a sheet of one colour; the shape is its height and width."""
    return np.full((*shape, 3), colour, np.float32)


def paint(sheet, mask, colour):
    """Paint a colour on a sheet where a mask covers it."""
    return sheet + mask[..., None] * (np.asarray(colour, np.float32) - sheet)


def to_picture(sheet):
    """Convert reflectances to a picture with 8 bits for each colour."""
    return Image.fromarray((255 * sheet).clip(0, 255).round().astype(np.uint8))


def digit_mask(shape, strokes, centre, longer_side, pen):
    """Draw the strokes of a digit.

    Args:
        shape: Height and width of the mask.
        strokes: Polylines, each of shape (n, 2).
        centre: x and y of the digit's centre, in pixels.
        longer_side: Longer side of the digit, in pixels.
        pen: Width of the pen as a share of `longer_side`.
    Returns:
        The mask.
    """
    side = round(longer_side * (1 + pen)) + 4
    picture = drawing.draw(strokes, side, longer_side=longer_side, pen=pen, centre=side / 2)
    mask = Image.new("L", shape[::-1])
    mask.paste(drawing.invert(picture), tuple(round(c - side / 2) for c in centre))
    return np.asarray(mask, np.float32) / 255


def line_mask(shape, lines, width):
    """Draw lines.

    Args:
        shape: Height and width of the mask.
        lines: Polylines: lists of pairs x and y, in pixels.
        width: Width of the lines in pixels.
    Returns:
        The mask.
    """
    picture = Image.new("L", (shape[1] * OVERSAMPLING, shape[0] * OVERSAMPLING))
    pen = ImageDraw.Draw(picture)
    for line in lines:
        points = [(x * OVERSAMPLING, y * OVERSAMPLING) for x, y in line]
        pen.line(points, 255, max(1, round(width * OVERSAMPLING)))
    return np.asarray(picture.reduce(OVERSAMPLING), np.float32) / 255


def rules(shape, spacing, rng, *, squared):
    """Return the horizontal lines of a ruled sheet, and also the vertical ones of a squared sheet."""
    height, width = shape
    lines = [[(0, y), (width, y)] for y in np.arange(rng.uniform(0, spacing), height, spacing)]
    if squared:
        lines += [[(x, 0), (x, height)] for x in np.arange(rng.uniform(0, spacing), width, spacing)]
    return lines


def box_around(mask, margins):
    """Return the outline of a box around the covered pixels.

    Args:
        mask: The mask of a digit.
        margins: Distances of the box at the left, top, right and bottom, in pixels, shape (4,).
    Returns:
        A closed line.
    """
    left, top, right, bottom = bounding_box(mask) + margins * (-1, -1, 1, 1)
    return [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]


def bounding_box(mask):
    """Return left, top, right and bottom of the covered pixels of a mask, shape (4,)."""
    rows, columns = (np.flatnonzero((mask > 0).any(axis=axis)) for axis in (1, 0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
