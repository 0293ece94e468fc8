"""Rendering: draws strokes with a round pen, and normalises the picture to an 8×8 image."""

import math
from functools import partial

import numpy as np

from model import BOX_WIDTH, MAX_WIDENING, NORMALISATION_STEPS, Floats, Floats32, normalise_digit, stretch

PEN_WIDTHS = (0.045, 0.28)  # smallest and largest width of the pen, as a share of the digit's height
HEIGHTS = (16.0, 44.0)  # smallest and largest height of a digit, in pixels; wide and tiny digits are lower
MIN_RADIUS = 0.6  # of the pen, in pixels; a narrower pen could miss the centres of all pixels
MAX_ASPECT = 1.7  # a digit whose width is a larger multiple of its height is drawn lower, so that its picture is small
MIN_SIZE = 0.3  # in heights of a drawing; a digit that the bends make smaller is not enlarged further
# The generator varies the two limits of `stretch`, so that the network does not depend on their exact values.
BOX_WIDTH_JITTER = 1  # columns
WIDENING_JITTER = 0.25  # standard deviation of the logarithm of the widening limit


def render(strokes: list[Floats], rng: np.random.Generator) -> Floats32:
    """Draw strokes with a pen of random width, in a picture of random size.

    Args:
        strokes: Polylines, each of shape (n, 2) with n at least 2: x and y in heights of the digit.
        rng: Source of randomness.
    Returns:
        Foreground coverage, shape (height, width), float32 in [0, 1].
    """
    pen, height = log_uniform(PEN_WIDTHS, rng), log_uniform(HEIGHTS, rng)
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    extent_x, extent_y = high - low
    scale = height * (1 - pen) / max(extent_y, extent_x / MAX_ASPECT, MIN_SIZE)
    radius = max(height * pen / 2, MIN_RADIUS)
    margin = radius + 1 + rng.random(2)
    pixels = [(stroke - low) * scale + margin for stroke in strokes]
    columns, rows = np.ceil((high - low) * scale + 2 * radius).astype(int) + 4
    return draw_lines(pixels, radius, rows, columns)


def draw_lines(polylines: list[Floats], radius: float, rows: int, columns: int) -> Floats32:
    """Draw polylines with a round pen.

    Args:
        polylines: Arrays of shape (n, 2) with n at least 2: x and y in pixels.
        radius: Radius of the pen in pixels, above 0.
        rows: Rows of the picture.
        columns: Columns of the picture.
    Returns:
        Share of each pixel that the strokes cover, shape (rows, columns), float32 in [0, 1]. It falls linearly over
        the one pixel at the edge of the pen.
    """
    starts = np.concatenate([line[:-1] for line in polylines]).astype(np.float32)  # (S, 2)
    x, y = (np.concatenate([line[1:] for line in polylines]).astype(np.float32) - starts).T  # each (S,)
    squared_lengths = np.maximum(x * x + y * y, np.float32(1e-9))
    row, column = np.indices((rows, columns), dtype=np.float32).reshape(2, -1, 1)
    right, down = column - starts[:, 0], row - starts[:, 1]  # each (pixels, S), from the start of each line
    along = ((right * x + down * y) / squared_lengths).clip(0, 1)
    right -= along * x
    down -= along * y
    distance = np.sqrt((right * right + down * down).min(axis=1))
    return np.asarray((radius + 0.5 - distance).clip(0, 1).reshape(rows, columns), np.float32)


def normalise(coverage: Floats32, rng: np.random.Generator) -> Floats32:
    """Normalise a digit by the steps of the service, with small random changes to the choices of `stretch`.

    Args:
        coverage: Foreground coverage, shape (height, width), float32 in [0, 1].
        rng: Source of randomness.
    Returns:
        Image, shape (8, 8), float32 in [0, 16].
    """
    box_width = BOX_WIDTH + int(rng.integers(-BOX_WIDTH_JITTER, BOX_WIDTH_JITTER, endpoint=True))
    max_widening = MAX_WIDENING * math.exp(rng.normal(0, WIDENING_JITTER))
    varied_stretch = partial(stretch, box_width=box_width, max_widening=max_widening)
    steps = [varied_stretch if step is stretch else step for step in NORMALISATION_STEPS]
    return normalise_digit(coverage, steps)


def log_uniform(limits: tuple[float, float], rng: np.random.Generator) -> float:
    """Draw a number whose logarithm is uniform.

    Args:
        limits: Smallest and largest number, both above 0.
        rng: Source of randomness.
    Returns:
        A number between the limits.
    """
    low, high = map(math.log, limits)
    return math.exp(rng.uniform(low, high))
