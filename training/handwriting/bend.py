"""Smooth deformations of a whole digit, which imitate how writers differ: slant, rotation, aspect, swell and so on.

All lengths are in heights of the digit; x points right and y points down.
"""

import math
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from model import Floats

WAVES = 3
MAX_WAVE = 0.06  # limit of the standard deviation of a wave's amplitude
WAVE_FREQUENCY = 0.8  # standard deviation of the number of periods in a height, in x and in y
BALANCE = 0.2  # limit of the vertical displacement of the middle, which makes the upper half larger or smaller
TAPER = 0.35  # limit of the relative change of the width at the top; the bottom changes by the opposite amount
SIDE_TAPER = 0.2  # the same for the height at the left and at the right
SWELL = 0.12  # limit of the relative change of the width in the middle; top and bottom change by the opposite amount
BOW = 0.06  # limit of the horizontal displacement of the middle
# Means and standard deviations of normal distributions.
LOG_ASPECT = (-0.1, 0.2)  # logarithm of the factor of the width
SLANT = (0.17, 0.27)  # horizontal displacement of the top against the bottom; positive values lean to the right
ROTATION = (0.0, 0.1)  # radians


def bend(strokes: Sequence[Floats], rng: np.random.Generator) -> list[Floats]:
    """Deform all strokes of a digit together.

    Args:
        strokes: Polylines, each of shape (n, 2): x and y, mostly in 0…1; (0.5, 0.5) is the middle of the digit.
        rng: Source of randomness.
    Returns:
        Polylines with as many points; (0, 0) is the middle of the digit.
    """
    x, y = np.concatenate(strokes).T - 0.5
    deviation = rng.uniform(0, MAX_WAVE)
    for _ in range(WAVES):
        frequency = rng.normal(0, WAVE_FREQUENCY, 2)
        phase = 2 * math.pi * (frequency[0] * x + frequency[1] * y)
        start_x, start_y = rng.uniform(0, 2 * math.pi, 2)
        x = x + rng.normal(0, deviation) * np.sin(phase + start_x)
        y = y + rng.normal(0, deviation) * np.sin(phase + start_y)
    y = y + rng.uniform(-BALANCE, BALANCE) * hump(y)
    x = x * (1 + 2 * rng.uniform(-TAPER, TAPER) * y)
    x = x * (1 + rng.uniform(-SWELL, SWELL) * (2 * hump(y) - 1))
    x = x + rng.uniform(-BOW, BOW) * hump(y)
    y = y * (1 + 2 * rng.uniform(-SIDE_TAPER, SIDE_TAPER) * x)
    x = x * math.exp(rng.normal(*LOG_ASPECT))
    x = x - rng.normal(*SLANT) * y
    rotation = rng.normal(*ROTATION)
    cosine, sine = math.cos(rotation), math.sin(rotation)
    points = np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=1)
    return np.split(points, list(accumulate(map(len, strokes)))[:-1])


def hump(y: Floats) -> Floats:
    """Compute a parabola that is 1 in the middle of a digit and 0 at its top and bottom.

    Args:
        y: Vertical coordinates, any shape.
    Returns:
        Values in [0, 1], same shape; 0 outside of the digit.
    Example:
        >>> hump(np.array([-0.5, 0, 0.25, 0.7])).tolist()
        [0.0, 1.0, 0.75, 0.0]
    """
    return 1 - 4 * np.clip(y, -0.5, 0.5) ** 2
