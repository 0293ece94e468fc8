"""Augmentation: random distortions of the training images, drawn anew in each epoch.

The training set has only 1203 images by 13 writers, and a network of 44,660 parameters can
learn them by heart. The distortions imitate what other writers would do. Affine maps imitate slant, size
and position, a smooth random field of displacements imitates the unsteady hand, and a random factor on
the ink imitates the pressure of the pen.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model import IMAGE_SIDE, INK_MAX, INK_MIN, PIXELS, Floats, Floats32

CENTRE = (IMAGE_SIDE - 1) / 2  # row and column of the centre of an image
# Points (samples) of an upsampled image for each pixel, in each direction. The number is odd, so that the middle point
# lies on the centre of the pixel.
POINTS_PER_PIXEL = 7
BORDER_PIXELS = 3  # background on each side of an upsampled image; the distortions look up points in it
UPSAMPLED_SIDE = (IMAGE_SIDE + 2 * BORDER_PIXELS) * POINTS_PER_PIXEL  # 98


@dataclass(frozen=True)
class Distortion:
    """Limits of the random distortions.

    All amounts are drawn uniformly from [-limit, limit], except the elastic displacements.

    Args:
        rotation_degrees: Rotation about the centre, in degrees.
        shear: Horizontal displacement per row of vertical distance from the centre, in pixels.
        scale: Relative change of the width and of the height, drawn separately.
        shift_pixels: Horizontal and vertical displacement, drawn separately, in pixels.
        elastic_pixels: Standard deviation of the elastic displacement of each pixel, in pixels.
        elastic_reach_pixels: Standard deviation of the Gaussian that smooths the elastic displacements,
            in pixels, above 0. Points within this distance move together.
        ink: Natural logarithm of the factor by which all pixels of an image are multiplied. Values above 16 become 16.
    """

    rotation_degrees: float
    shear: float
    scale: float
    shift_pixels: float
    elastic_pixels: float
    elastic_reach_pixels: float
    ink: float


class Distorter:
    """Distorts a fixed set of images, differently on each call.

    Args:
        pixels: Images, shape (N, 64), float32 in [0, 16]; not changed.
        limits: Limits of the distortions.
    Source: Simard, Steinkraus and Platt 2003, doi:10.1109/ICDAR.2003.1227801.
    """

    def __init__(self, pixels: Floats32, limits: Distortion) -> None:
        self.limits = limits
        self._upsampled = upsample(pixels)
        # Index of the first point of each upsampled image in the flattened array, shape (N, 1).
        self._first_point = np.arange(len(pixels))[:, np.newaxis] * UPSAMPLED_SIDE**2
        self._elastic_matrix = smoothing_matrix(limits.elastic_reach_pixels) * np.float32(limits.elastic_pixels)

    def distort(self, rng: np.random.Generator) -> Floats32:
        """Draw one distorted copy of each image.

        Args:
            rng: Source of randomness.
        Returns:
            New images, shape (N, 64), float32 in [0, 16].
        """
        row, column = map(_nearest_index, self.source_points(rng))
        distorted = self._upsampled.take(self._first_point + row * UPSAMPLED_SIDE + column)  # (N, 64)
        distorted *= np.exp(self._uniform(self.limits.ink, rng))
        return np.minimum(distorted, INK_MAX, out=distorted)

    def source_points(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Draw, for each pixel of each new image, the point of the original image that it shows.

        Args:
            rng: Source of randomness.
        Returns:
            Vertical and horizontal offset of the points from the centre, each of shape (N, 64), in pixels.
        """
        limits = self.limits
        angle = self._uniform(math.radians(limits.rotation_degrees), rng)
        shear = self._uniform(limits.shear, rng)
        x_scale, y_scale = (1 + self._uniform(limits.scale, rng) for _ in range(2))
        right, down = (self._uniform(limits.shift_pixels, rng) for _ in range(2))

        row, column = np.divmod(np.arange(PIXELS, dtype=np.float32), IMAGE_SIDE)  # (64,)
        y = (row - CENTRE - down) / y_scale  # (N, 64)
        x = (column - CENTRE - right) / x_scale - shear * y
        sine, cosine = np.sin(angle), np.cos(angle)
        elastic_y, elastic_x = (self._elastic_displacements(rng) for _ in range(2))
        return cosine * y - sine * x + elastic_y, sine * y + cosine * x + elastic_x

    def _uniform(self, limit: float, rng: np.random.Generator) -> Floats32:
        """Draw one number for each image from [-limit, limit], shape (N, 1)."""
        return rng.uniform(-limit, limit, self._first_point.shape).astype(np.float32)

    def _elastic_displacements(self, rng: np.random.Generator) -> Floats32:
        """Draw a smooth field of elastic displacements for each image, shape (N, 64), in pixels."""
        noise = rng.standard_normal((len(self._first_point), PIXELS), dtype=np.float32)
        return noise @ self._elastic_matrix


def upsample(pixels: Floats32) -> Floats32:
    """Enlarge images smoothly, to 7×7 points for each pixel.

    This is done once for all epochs. Each distortion then only looks up the nearest point for each pixel,
    which has the effect of interpolating between the pixels. The interpolation is cubic, because cubic
    interpolation keeps the edges of strokes sharp; linear interpolation would blur them.

    Args:
        pixels: Images, shape (N, 64), float32 in [0, 16].
    Returns:
        Enlarged images with 3 pixels of background on each side, shape (N, 98, 98), float32 in [0, 16].
    Source: cubic convolution with a = -1/2; Keys 1981, doi:10.1109/TASSP.1981.1163711.
    """
    # Coordinates of the points, in pixels of the image.
    coordinates = (np.arange(UPSAMPLED_SIDE) + 0.5) / POINTS_PER_PIXEL - 0.5 - BORDER_PIXELS  # (98,)
    distance = np.abs(coordinates[:, np.newaxis] - np.arange(IMAGE_SIDE))  # (98, 8)
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    weight = np.select([distance <= 1, distance < 2], [near, far]).astype(np.float32)
    upsampled: Floats32 = weight @ pixels.reshape(-1, IMAGE_SIDE, IMAGE_SIDE) @ weight.T
    return np.clip(upsampled, INK_MIN, INK_MAX, out=upsampled)


def smoothing_matrix(reach_pixels: float) -> Floats32:
    """Make the matrix that smooths a field of independent random displacements.

    Args:
        reach_pixels: Standard deviation of the Gaussian, in pixels, above 0.
    Returns:
        Shape (64, 64), float32. `noise @ smoothing_matrix` has the same variance in each pixel as
        `noise`.
    """
    row, column = np.divmod(np.arange(PIXELS), IMAGE_SIDE)
    squared_distance = np.subtract.outer(row, row) ** 2 + np.subtract.outer(column, column) ** 2
    gaussian = np.exp(-squared_distance / (2 * reach_pixels**2))
    return np.asarray(gaussian / np.linalg.norm(gaussian, axis=0), np.float32)


def _nearest_index(offsets: Floats) -> NDArray[np.intp]:
    """Find the row or column of an upsampled image that is nearest to each offset from the centre, in pixels."""
    points = (offsets + (IMAGE_SIDE / 2 + BORDER_PIXELS)) * POINTS_PER_PIXEL
    clipped: Floats = np.clip(points, 0, UPSAMPLED_SIDE - 1)
    return clipped.astype(np.intp)  # point i covers [i, i + 1), so truncation gives the nearest point
