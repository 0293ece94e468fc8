"""Digits drawn with a round pen, for tests that need a picture and know what it shows."""

import math

import numpy as np
from PIL import Image, ImageDraw

FINER = 4  # points are drawn this many times too small, and averaged


def arc(centre, radii, start, end, points=24):
    """Points along an ellipse; angles in degrees, 0 is right and 90 is down."""
    turns = [math.radians(start + (end - start) * i / (points - 1)) for i in range(points)]
    return [(centre[0] + radii[0] * math.cos(turn), centre[1] + radii[1] * math.sin(turn)) for turn in turns]


# Each digit is a list of strokes, each stroke a list of (x, y): y is 0 at the top and 1 at the bottom,
# x is about 0.2…0.8.
STROKES: dict[int, list[list[tuple[float, float]]]] = {
    0: [arc((0.5, 0.5), (0.3, 0.5), -90, 270, points=48)],
    1: [[(0.32, 0.22), (0.55, 0), (0.55, 1)]],
    2: [[*arc((0.5, 0.28), (0.28, 0.28), 190, 390), (0.22, 1), (0.8, 1)]],
    3: [[*arc((0.48, 0.25), (0.26, 0.25), 200, 450), *arc((0.48, 0.74), (0.3, 0.26), 270, 520)]],
    4: [[(0.58, 0), (0.2, 0.65), (0.82, 0.65)], [(0.64, 0.3), (0.64, 1)]],
    5: [[(0.76, 0), (0.32, 0), (0.28, 0.45), *arc((0.48, 0.69), (0.3, 0.31), 230, 510)]],
    6: [[(0.62, 0), (0.42, 0.2), (0.28, 0.5), *arc((0.5, 0.72), (0.26, 0.28), 180, 540, points=40)]],
    7: [[(0.22, 0), (0.78, 0), (0.42, 1)], [(0.36, 0.5), (0.74, 0.5)]],
    8: [
        arc((0.5, 0.24), (0.23, 0.24), 0, 360, points=40),
        arc((0.5, 0.74), (0.28, 0.26), 0, 360, points=40),
    ],
    9: [[*arc((0.48, 0.27), (0.25, 0.27), 0, -360, points=40), (0.72, 0.5), (0.62, 1)]],
}


def draw(digit, side=280, pen=0.1, height=0.6, centre=(0.5, 0.5), ink=0, paper=255):
    """Draw a digit on a square.

    Args:
        digit: 0…9.
        side: Rows and columns of the picture.
        pen: Width of the pen, as a share of the digit's height.
        height: The digit's height, as a share of the side.
        centre: Where the middle of the digit is, x and y as shares of the side.
        ink: Brightness of a point that the pen covers.
        paper: Brightness of one that it does not touch.
    Returns:
        Shape (side, side), uint8.
    """
    fine = side * FINER
    length = height * fine
    radius = max(1.0, pen * length / 2)
    picture = Image.new("L", (fine, fine), paper)
    pencil = ImageDraw.Draw(picture)
    for stroke in STROKES[digit]:
        points = [
            (centre[0] * fine + (x - 0.5) * length, centre[1] * fine + (y - 0.5) * length) for x, y in stroke
        ]
        pencil.line(points, fill=ink, width=round(2 * radius))
        for x, y in points:
            pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)
    return np.asarray(picture.reduce(FINER))
