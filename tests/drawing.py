"""Drawn digits with round strokes, for tests that need a picture of a known digit."""

import math

import numpy as np
from PIL import Image, ImageDraw

OVERSAMPLING = 4  # each pixel is the mean of 4×4 smaller pixels, so that edges are smooth


def arc(centre, radii, start, end, points=24):
    """Compute points along an ellipse; angles are in degrees: 0 is right, 90 is down."""
    angles = [math.radians(start + (end - start) * i / (points - 1)) for i in range(points)]
    return [(centre[0] + radii[0] * math.cos(angle), centre[1] + radii[1] * math.sin(angle)) for angle in angles]


# Each digit is a list of strokes, and each stroke is a list of points (x, y). y is 0 at the top of the digit
# and 1 at its bottom; x is about 0.2…0.8.
STROKES: dict[int, list[list[tuple[float, float]]]] = {
    0: [arc((0.5, 0.5), (0.3, 0.5), -90, 270, points=48)],
    1: [[(0.32, 0.22), (0.55, 0), (0.55, 1)]],
    2: [[*arc((0.5, 0.28), (0.28, 0.28), 190, 390), (0.22, 1), (0.8, 1)]],
    3: [[*arc((0.48, 0.25), (0.26, 0.25), 200, 450), *arc((0.48, 0.74), (0.3, 0.26), 270, 520)]],
    4: [[(0.58, 0), (0.2, 0.65), (0.82, 0.65)], [(0.64, 0.3), (0.64, 1)]],
    5: [[(0.76, 0), (0.32, 0), (0.28, 0.45), *arc((0.48, 0.69), (0.3, 0.31), 230, 510)]],
    6: [[(0.62, 0), (0.42, 0.2), (0.28, 0.5), *arc((0.5, 0.72), (0.26, 0.28), 180, 540, points=40)]],
    7: [[(0.22, 0), (0.78, 0), (0.42, 1)], [(0.36, 0.5), (0.74, 0.5)]],
    8: [arc((0.5, 0.24), (0.23, 0.24), 0, 360, points=40), arc((0.5, 0.74), (0.28, 0.26), 0, 360, points=40)],
    9: [[*arc((0.48, 0.27), (0.25, 0.27), 0, -360, points=40), (0.72, 0.5), (0.62, 1)]],
}


def draw(digit, **options):
    """Draw a digit in a square picture; the options are those of `draw_strokes`."""
    return draw_strokes(STROKES[digit], **options)


def draw_strokes(strokes, side=280, stroke_width=0.1, height=0.6, centre=(0.5, 0.5), foreground=0, background=255):
    """Draw the strokes of a digit in a square picture.

    Args:
        strokes: Lists of points (x, y), as in `STROKES`.
        side: Rows and columns of the picture.
        stroke_width: Width of the strokes, as a share of the digit's height.
        height: Height of the digit, as a share of the side.
        centre: Position of the digit's middle, x and y as shares of the side.
        foreground: Brightness of a pixel that a stroke covers completely.
        background: Brightness of a pixel that no stroke touches.
    Returns:
        Brightness, shape (side, side), uint8.
    """
    large_side = side * OVERSAMPLING
    length = height * large_side
    radius = max(1.0, stroke_width * length / 2)
    picture = Image.new("L", (large_side, large_side), background)
    drawing = ImageDraw.Draw(picture)
    for stroke in strokes:
        points = [
            (centre[0] * large_side + (x - 0.5) * length, centre[1] * large_side + (y - 0.5) * length)
            for x, y in stroke
        ]
        drawing.line(points, fill=foreground, width=round(2 * radius))
        for x, y in points:
            drawing.ellipse((x - radius, y - radius, x + radius, y + radius), fill=foreground)
    return np.asarray(picture.reduce(OVERSAMPLING))
