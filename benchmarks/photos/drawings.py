"""Clean drawings, as a drawing program or a scanner saves them."""

from io import BytesIO

import numpy as np
from PIL import Image

from benchmarks.photos.colours import BLACK, jitter, pen_colour
from benchmarks.photos.sheet import (
    blank,
    bounding_box,
    box_around,
    digit_mask,
    handwrite,
    line_mask,
    paint,
    rules,
    to_picture,
)
from model import DIGITS

SHAPE = (280, 280)


def save(picture, **options):
    """Return the file of a picture: a PNG, unless the options name another format."""
    file = BytesIO()
    picture.save(file, **{"format": "PNG", "compress_level": 1, **options})
    return file.getvalue()


def drawn(strokes, rng, size=(0.45, 0.75), pen=(0.07, 0.14)):
    """Draw a digit at a random place.

    Args:
        strokes: Strokes of the digit, polylines of shape (n, 2).
        rng: Source of randomness.
        size: Smallest and largest size of the digit, as a share of the picture.
        pen: Smallest and largest width of the pen, as a share of the digit.
    Returns:
        The mask of the digit.
    """
    longer, pen_width = SHAPE[0] * rng.uniform(*size), rng.uniform(*pen)
    slack = (SHAPE[0] - longer * (1 + pen_width)) / 2 - 4
    return digit_mask(SHAPE, strokes, SHAPE[0] / 2 + rng.uniform(-slack, slack, 2), longer, pen_width)


def save_black(mask):
    """Return the file of black strokes on white."""
    return save(Image.fromarray((255 * (1 - mask)).round().astype(np.uint8)))


def cropped(strokes, rng, cut):
    """Crop a digit to its ink, and cut off some more pixels at each side."""
    mask = drawn(strokes, rng)
    left, top, right, bottom = bounding_box(mask) + np.array([cut, cut, -cut, -cut])
    return save_black(mask[top:bottom, left:right])


def coloured(strokes, rng, pen, background):
    """Draw a digit in one colour on another."""
    mask = drawn(strokes, rng)
    return save(to_picture(paint(blank(SHAPE, jitter(background, rng)), mask, jitter(pen, rng))))


def transparent(strokes, rng, mode, **options):
    """Draw white strokes on a transparent background."""
    alpha = Image.fromarray((255 * drawn(strokes, rng)).round().astype(np.uint8))
    picture = Image.new(mode, alpha.size, "white")
    picture.putalpha(alpha)
    return save(picture, **options)


def deep(strokes, rng, bits, **options):
    """Draw a digit in 16-bit grey, of which only the lower bits are used."""
    grey = np.round((1 - drawn(strokes, rng)) * (2**bits - 1)).astype(np.uint16)
    return save(Image.fromarray(grey), **options)


def lined(strokes, rng, colour, widths, *, squared=False):
    """Draw a digit on a sheet with printed lines."""
    mask = drawn(strokes, rng, size=(0.3, 0.7))
    lines = rules(SHAPE, rng.uniform(20, 40) if squared else rng.uniform(30, 75), rng, squared=squared)
    printed = line_mask(SHAPE, lines, rng.uniform(*widths))
    return save(to_picture(paint(paint(blank(SHAPE, 1), printed, jitter(colour, rng)), mask, pen_colour(rng))))


def boxed(strokes, rng):
    """Draw a digit in a printed box."""
    mask = drawn(strokes, rng, size=(0.35, 0.55))
    printed = line_mask(SHAPE, [box_around(mask, rng.uniform(8, 30, 4))], rng.uniform(1, 4))
    return save(to_picture(paint(paint(blank(SHAPE, 1), printed, jitter(BLACK, rng)), mask, pen_colour(rng))))


def underlined(strokes, rng):
    """Draw a digit with a line below it, which is as thin as a hairline or as wide as the pen."""
    pen = rng.uniform(0.05, 0.12)
    mask = drawn(strokes, rng, size=(0.4, 0.6), pen=(pen, pen))
    left, top, right, bottom = bounding_box(mask)
    width = rng.uniform(1.5, pen * (bottom - top))
    y, tilt, overhang = bottom + width + rng.uniform(4, 24), rng.uniform(-4, 4), rng.uniform(10, 60, 2)
    line = [(left - overhang[0], y + tilt), (right + overhang[1], y - tilt)]
    return save_black(np.maximum(mask, line_mask(SHAPE, [line], width)))


def speckled(strokes, rng):
    """Draw a digit with 10 to 60 specks of one to three pixels."""
    mask = drawn(strokes, rng)
    places = rng.uniform(0, SHAPE[0], (rng.integers(10, 60), 2))
    dots = line_mask(SHAPE, [[place, place + 1] for place in places], rng.uniform(1, 3))
    return save_black(np.maximum(mask, dots))


def detached(strokes, rng):
    """Draw a digit with one or two gaps, each as long as one to two widths of the pen."""
    size = np.ptp(np.concatenate(strokes), axis=0).max()
    pen = rng.uniform(0.07, 0.12)
    for _ in range(rng.integers(1, 3)):
        strokes = erase(strokes, rng, size * pen * rng.uniform(1, 1.5))
    return save_black(digit_mask(SHAPE, strokes, (SHAPE[1] / 2, SHAPE[0] / 2), SHAPE[0] * rng.uniform(0.5, 0.75), pen))


def erase(strokes, rng, radius):
    """Remove the points of strokes around a random point; what is left are shorter strokes."""
    longest = max(strokes, key=len)
    centre = longest[rng.integers(len(longest) // 4, 3 * len(longest) // 4)]
    parts = []
    for stroke in strokes:
        fine = np.stack([np.interp(np.linspace(0, len(stroke) - 1, 200), range(len(stroke)), s) for s in stroke.T], 1)
        is_far = np.hypot(*(fine - centre).T) > radius
        parts += [part[1:] for part in np.split(fine, np.flatnonzero(np.diff(is_far)) + 1) if is_far.any()]
    return [part for part in parts if len(part) > 1 and np.hypot(*(part[len(part) // 2] - centre)) > radius]


def several(strokes, rng, *, below=False):
    """Draw a digit, and another one of about its size beside it or below it."""
    pen, size = rng.uniform(0.06, 0.12), rng.uniform(120, 170)
    x = y = 30
    gap = round(size * rng.uniform(0.15, 0.6))
    sheet = np.zeros((640, 640))
    for each in (strokes, handwrite(int(rng.integers(DIGITS)), rng)):
        mask = digit_mask(sheet.shape, each, (320, 320), size * rng.uniform(0.85, 1.15), pen)
        left, top, right, bottom = bounding_box(mask)
        sheet[y : y + bottom - top, x : x + right - left] = mask[top:bottom, left:right]
        x, y = (x, y + bottom - top + gap) if below else (x + right - left + gap, y)
    return save_black(sheet)
