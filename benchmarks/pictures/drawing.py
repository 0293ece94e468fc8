"""Drawing recorded strokes as pictures of many kinds."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

SIDE = 280  # of a clean picture, in pixels


def load_strokes(path):
    """Load the digits of a file.

    Args:
        path: The .npz file; the docstring of the package describes its arrays.
    Returns:
        A list of digits and an array of their labels. Each digit is a list of strokes, and each stroke is an
        array of points, shape (n, 2).
    """
    data = np.load(path)
    strokes = np.split(data["points"].astype(float), data["stroke_end"][:-1])
    digit_ends = [0, *data["digit_end"].tolist()]
    digits = [strokes[start:end] for start, end in pairwise(digit_ends)]
    return digits, data["label"]


def draw(strokes, side, *, longer_side, pen, centre, oversampling=4):
    """Draw the strokes of one digit in black on white.

    Args:
        strokes: Arrays of points, each of shape (n, 2).
        side: Width and height of the picture, in pixels.
        longer_side: Length of the longer side of the digit, in pixels.
        pen: Width of the pen, as a share of `longer_side`.
        centre: Centre of the digit, in pixels: x and y, or one number for both.
        oversampling: The digit is drawn larger by this factor and then reduced, which softens its edges.
    Returns:
        A greyscale picture.
    """
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = longer_side / max((high - low).max(), 1)
    width = pen * longer_side * oversampling
    picture = Image.new("L", (side * oversampling, side * oversampling), 255)
    drawing = ImageDraw.Draw(picture)
    for stroke in strokes:
        vertices = [tuple(p) for p in ((stroke - (low + high) / 2) * scale + centre) * oversampling]
        drawing.line(vertices, fill=0, width=max(1, round(width)))
        for x, y in vertices:
            drawing.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=0)
    return picture.reduce(oversampling)


def draw_clean(digits, rng):
    """Draw each digit at a random position, 140 to 230 pixels long, with a pen of 7 to 16 % of that."""
    for strokes in digits:
        longer_side, pen = rng.uniform(140, 230), rng.uniform(0.07, 0.16)
        max_offset = (SIDE - longer_side * (1 + pen)) / 2
        centre = SIDE / 2 + rng.uniform(-max_offset, max_offset, 2)
        yield draw(strokes, SIDE, longer_side=longer_side, pen=pen, centre=centre)


def draw_like_mnist(digits, rng):
    """Draw each digit in the format of MNIST: 28×28 pixels, white on black, centred, 20 pixels large."""
    for strokes in digits:
        pen = rng.uniform(0.09, 0.2)
        black_on_white = draw(strokes, 28, longer_side=20 * (1 - pen), pen=pen, centre=14, oversampling=8)
        yield invert(black_on_white)


def invert(picture):
    """Exchange black and white."""
    return picture.point(lambda value: 255 - value)


def shade(picture, rng):
    """Replace the white background by grey with a linear gradient of brightness in a random direction."""
    y, x = np.mgrid[-1 : 1 : picture.height * 1j, -1 : 1 : picture.width * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    background = 175 + 45 * (np.cos(angle) * x + np.sin(angle) * y)
    shaded = background * (0.25 + 0.75 * np.asarray(picture) / 255)
    return Image.fromarray(shaded.clip(0, 255).astype(np.uint8))


def make_transparent(picture):
    """Draw the same strokes in black on a transparent background."""
    transparent = Image.new("RGBA", picture.size)
    transparent.putalpha(invert(picture))
    return transparent


def move(picture, rng):
    """Paste the picture at a random position into a white picture of twice the width and height."""
    moved = Image.new("L", (2 * picture.width, 2 * picture.height), 255)
    x, y = rng.integers(0, picture.width, 2).tolist()
    moved.paste(picture, (x, y))
    return moved


# Name of a variant → function that makes it from a clean picture, and options with which it is saved.
VARIANTS: dict[str, tuple[Callable[[Image.Image, np.random.Generator], Image.Image], dict[str, str | int]]] = {
    "clean PNG": (lambda p, _: p, {"format": "PNG"}),
    "JPEG, quality 70": (lambda p, _: p, {"format": "JPEG", "quality": 70}),
    "WebP": (lambda p, _: p, {"format": "WEBP"}),
    "palette": (lambda p, _: p.convert("P"), {"format": "PNG"}),
    "transparent": (lambda p, _: make_transparent(p), {"format": "PNG"}),
    "inverted": (lambda p, _: invert(p), {"format": "PNG"}),
    "2000×2000": (lambda p, _: p.resize((2000, 2000)), {"format": "PNG", "compress_level": 1}),
    "off centre": (move, {"format": "PNG"}),
    "shaded grey sheet": (shade, {"format": "PNG"}),
}
