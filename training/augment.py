"""Distortions: each epoch sees every training image a little rotated, sheared, scaled and shifted.

1203 images are few, and a network of 44,660 parameters learns them by heart. People write the same
digit at another slant, size and place; small affine maps imitate that.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model import PIXELS, SIDE, Floats, Floats32

CENTRE = (SIDE - 1) / 2


@dataclass(frozen=True)
class Distortion:
    """How far an image may be bent; each amount is drawn evenly from [-limit, limit].

    Args:
        rotation_degrees: Rotation about the centre.
        shear: Horizontal displacement per row, in pixels.
        scale: Relative change of width and of height, drawn apart.
        shift_pixels: Displacement across and down, drawn apart.
    """

    rotation_degrees: float
    shear: float
    scale: float
    shift_pixels: float


def distort(pixels: Floats32, limits: Distortion, rng: np.random.Generator) -> Floats32:
    """Bend each image by an affine map of its own.

    Args:
        pixels: Images, shape (B, 64), float32 in [0, 16]; left alone.
        limits: How far.
        rng: Source of randomness.
    Returns:
        New images of the same shape, in [0, 16].
    Source: Simard, Steinkraus and Platt 2003, doi:10.1109/ICDAR.2003.1227801.
    """
    rows, columns = _sources(len(pixels), limits, rng)
    return _bilinear(pixels, rows, columns)


def _sources(count: int, limits: Distortion, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Say, for every pixel of every new image, which point of the old image it shows.

    Returns:
        Rows and columns, each of shape (count, 64), in pixels, possibly outside the image.
    """

    def draw(limit: float) -> Floats32:
        return rng.uniform(-limit, limit, (count, 1)).astype(np.float32)

    angle = np.deg2rad(draw(limits.rotation_degrees))
    shear = draw(limits.shear)
    wider, taller = 1 + draw(limits.scale), 1 + draw(limits.scale)
    right, down = draw(limits.shift_pixels), draw(limits.shift_pixels)

    row, column = np.divmod(np.arange(PIXELS, dtype=np.float32), SIDE)  # (64,)
    y = (row - CENTRE - down) / taller  # (B, 64)
    x = (column - CENTRE - right) / wider - shear * y
    sine, cosine = np.sin(angle), np.cos(angle)
    return cosine * y - sine * x + CENTRE, sine * y + cosine * x + CENTRE


def _bilinear(pixels: Floats32, rows: Floats, columns: Floats) -> Floats32:
    """Read images between their pixels; beyond the border there is paper.

    Args:
        pixels: Shape (B, 64).
        rows: Where to read, shape (B, 64).
        columns: Where to read, shape (B, 64).
    Returns:
        Shape (B, 64), float32.
    """
    border = 2  # one pixel to read from, one for the neighbour of a point that lies beyond
    wide = SIDE + 2 * border
    padded = np.pad(pixels.reshape(-1, SIDE, SIDE), ((0, 0), (border, border), (border, border)))
    flat = padded.reshape(len(pixels), wide * wide)
    y = np.clip(rows + border, 0, wide - 1.001)
    x = np.clip(columns + border, 0, wide - 1.001)
    top, left = y.astype(np.intp), x.astype(np.intp)
    down, right = y - top, x - left

    def at(offset: int) -> Floats32:
        index: NDArray[np.intp] = top * wide + left + offset
        read: Floats32 = np.take_along_axis(flat, index, axis=1)
        return read

    above = at(0) * (1 - right) + at(1) * right
    below = at(wide) * (1 - right) + at(wide + 1) * right
    between: Floats = above * (1 - down) + below * down
    return between.astype(np.float32)
