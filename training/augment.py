"""Distortions: each epoch sees every training image bent anew, as other people might have written it.

1203 images by a dozen people are few, and a network of 44,660 parameters learns them by heart. People
differ in slant, size and place, which affine maps imitate, in how their hand wanders, which a smooth
random field of displacements imitates, and in how hard they press.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model import IMAGE_SIDE, INK_MAX, INK_MIN, PIXELS, Floats, Floats32

CENTRE = (IMAGE_SIDE - 1) / 2
FINE = 7  # points of the fine copy to a pixel, across and down; odd, so that one is the pixel's centre
BORDER = 3  # pixels of paper around the fine copy; what lies beyond is read as its rim
WIDTH = (IMAGE_SIDE + 2 * BORDER) * FINE


@dataclass(frozen=True)
class Distortion:
    """How far an image may be bent; amounts are drawn evenly from [-limit, limit] but for `elastic`.

    Args:
        rotation_degrees: Rotation about the centre.
        shear: Horizontal displacement per row, in pixels.
        scale: Relative change of width and of height, drawn apart.
        shift_pixels: Displacement across and down, drawn apart.
        elastic_pixels: Standard deviation of the displacement of each point.
        elastic_reach_pixels: How far points move together: standard deviation of the Gaussian that
            smooths their displacements.
        ink: Logarithm of the factor on the ink; what exceeds full ink is cut off.
    """

    rotation_degrees: float
    shear: float
    scale: float
    shift_pixels: float
    elastic_pixels: float
    elastic_reach_pixels: float
    ink: float


class Distorter:
    """Bends the same images again and again.

    Args:
        pixels: Images, shape (B, 64), float32 in [0, 16]; left alone.
        limits: How far.
    Source: Simard, Steinkraus and Platt 2003, doi:10.1109/ICDAR.2003.1227801.
    """

    def __init__(self, pixels: Floats32, limits: Distortion) -> None:
        self.limits = limits
        self._fine = fine_copies(pixels)
        self._first = np.arange(len(pixels))[:, np.newaxis] * WIDTH**2  # (B, 1), where each copy starts
        self._smoother = smoother(limits.elastic_reach_pixels) * np.float32(limits.elastic_pixels)

    def draw(self, rng: np.random.Generator) -> Floats32:
        """Bend each image in a way of its own.

        Args:
            rng: Source of randomness.
        Returns:
            New images, shape (B, 64), float32 in [0, 16].
        """
        y, x = self.sources(rng)
        row, column = (_nearest(points) for points in (y, x))
        read = self._fine.take(self._first + row * WIDTH + column)  # (B, 64)
        read *= np.exp(self._amounts(self.limits.ink, rng))
        return np.minimum(read, INK_MAX, out=read)

    def sources(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Draw, for every pixel of every new image, which point of the old image it shows.

        Args:
            rng: Source of randomness.
        Returns:
            Rows and columns from the centre, each of shape (B, 64), in pixels.
        """
        limits = self.limits
        angle = self._amounts(math.radians(limits.rotation_degrees), rng)
        shear = self._amounts(limits.shear, rng)
        wider, taller = (1 + self._amounts(limits.scale, rng) for _ in range(2))
        right, down = (self._amounts(limits.shift_pixels, rng) for _ in range(2))

        row, column = np.divmod(np.arange(PIXELS, dtype=np.float32), IMAGE_SIDE)  # (64,)
        y = (row - CENTRE - down) / taller  # (B, 64)
        x = (column - CENTRE - right) / wider - shear * y
        sine, cosine = np.sin(angle), np.cos(angle)
        return cosine * y - sine * x + self._wander(rng), sine * y + cosine * x + self._wander(rng)

    def _amounts(self, limit: float, rng: np.random.Generator) -> Floats32:
        return rng.uniform(-limit, limit, self._first.shape).astype(np.float32)

    def _wander(self, rng: np.random.Generator) -> Floats32:
        steps = rng.standard_normal((len(self._first), PIXELS), dtype=np.float32)
        return steps @ self._smoother


def fine_copies(pixels: Floats32) -> Floats32:
    """Enlarge images smoothly, so that reading the nearest point is reading between the pixels.

    Made once, a fine copy turns each later distortion into one look-up a pixel. A cubic keeps the
    edges of strokes as sharp as they are; a linear one would blur them.

    Args:
        pixels: Images, shape (B, 64), float32 in [0, 16].
    Returns:
        Shape (B, 98, 98), float32 in [0, 16], with paper around.
    Source: cubic convolution with a = -1/2; Keys 1981, doi:10.1109/TASSP.1981.1163711.
    """
    places = (np.arange(WIDTH) + 0.5) / FINE - 0.5 - BORDER  # of the fine points, in pixels
    distance = np.abs(places[:, np.newaxis] - np.arange(IMAGE_SIDE))  # (98, 8)
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    weight = np.select([distance <= 1, distance < 2], [near, far]).astype(np.float32)
    fine: Floats32 = weight @ pixels.reshape(-1, IMAGE_SIDE, IMAGE_SIDE) @ weight.T
    return np.clip(fine, INK_MIN, INK_MAX, out=fine)


def smoother(reach_pixels: float) -> Floats32:
    """Make the matrix that turns independent displacements into a smooth field of them.

    Args:
        reach_pixels: Standard deviation of the Gaussian, above 0.
    Returns:
        Shape (64, 64), float32; `noise @ smoother` has the variance of the noise in every pixel.
    """
    row, column = np.divmod(np.arange(PIXELS), IMAGE_SIDE)
    square = np.subtract.outer(row, row) ** 2 + np.subtract.outer(column, column) ** 2
    gaussian = np.exp(-square / (2 * reach_pixels**2))
    unit: Floats32 = (gaussian / np.linalg.norm(gaussian, axis=0)).astype(np.float32)
    return unit


def _nearest(places: Floats) -> NDArray[np.intp]:
    """Find the point of the fine copy that is nearest to a place, across or down."""
    inside: Floats = np.clip((places + (IMAGE_SIDE / 2 + BORDER)) * FINE, 0, WIDTH - 1)
    return inside.astype(np.intp)
