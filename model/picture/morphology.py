"""Grey-scale morphology with squares, and the pixels that a mask encloses.

Source: Serra 1982, "Image analysis and mathematical morphology".
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def dilate(picture: NDArray[Any], radius: int) -> NDArray[Any]:
    """Replace each pixel by the largest value in the square around it.

    Args:
        picture: Shape (h, w, ...).
        radius: Half of the side of the square, rounded down; the side has 2 * radius + 1 pixels. Outside of the
            picture, a mask is false, and another picture repeats the pixels of its border.
    Returns:
        The dilated picture, same shape.
    """
    return _extreme_of_squares(np.maximum, picture, radius)


def erode(picture: NDArray[Any], radius: int) -> NDArray[Any]:
    """Replace each pixel by the smallest value in the square around it; see `dilate`."""
    return _extreme_of_squares(np.minimum, picture, radius)


def gradient(picture: NDArray[Any]) -> NDArray[Any]:
    """Compute the difference of the largest and the smallest value in the 3×3 pixels around each pixel.

    Args:
        picture: Shape (h, w, ...).
    Returns:
        The differences, same shape.
    """
    return np.asarray(dilate(picture, 1) - erode(picture, 1))


def open_and_close(picture: NDArray[Any], radius: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Remove narrow bright marks, and narrow dark marks.

    Args:
        picture: Shape (h, w, ...).
        radius: Half of the side of the square; marks that are wider than the square are kept.
    Returns:
        The opening and the closing, each of the same shape. Both equal the picture at straight edges.
    """
    return dilate(erode(picture, radius), radius), erode(dilate(picture, radius), radius)


def remove_narrow_marks(picture: NDArray[Any], radius: int) -> NDArray[Any]:
    """Remove narrow marks, both bright and dark ones.

    Args:
        picture: Shape (h, w, ...).
        radius: Half of the side of the square; marks that are wider than the square are kept.
    Returns:
        The picture without the marks, same shape.
    Source: the white top-hat is subtracted and the black top-hat is added; Meyer 1979, as in `top_hat`.
    """
    opened, closed = open_and_close(picture, radius)
    return np.asarray(opened + closed - picture)


def top_hat(picture: NDArray[Any], radius: int) -> NDArray[Any]:
    """Compute how far narrow marks stand out from their surroundings, to either side.

    Args:
        picture: Shape (h, w, ...).
        radius: Half of the side of the square; marks that are wider than the square do not count.
    Returns:
        The larger difference from the opening and the closing, same shape.
    Source: Meyer 1979, "Iterative image transformations for an automatic screening of cervical smears".
    """
    opened, closed = open_and_close(picture, radius)
    return np.asarray(np.maximum(picture - opened, closed - picture))


def enclose(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Find the pixels that have true pixels in at least three of the four directions along the axes.

    From a pixel beside a convex shape, at least two directions lead away from the shape.

    Args:
        mask: Shape (h, w).
    Returns:
        True on enclosed pixels, same shape; pixels of the mask count as true pixels of their own directions.
    """
    directions = np.zeros(mask.shape, np.int8)
    for axis in (0, 1):
        directions += np.logical_or.accumulate(mask, axis)
        directions += np.flip(np.logical_or.accumulate(np.flip(mask, axis), axis), axis)
    return directions >= 3


def _extreme_of_squares(extreme: np.ufunc, picture: NDArray[Any], radius: int) -> NDArray[Any]:
    widths = [(radius, radius)] * 2 + [(0, 0)] * (picture.ndim - 2)
    result = np.pad(picture, widths) if picture.dtype == bool else np.pad(picture, widths, mode="edge")
    for _ in range(2):  # along one axis, then along the other
        result = sliding_extreme(extreme, result, 2 * radius + 1).swapaxes(0, 1)
    return result


def sliding_extreme(extreme: np.ufunc, values: NDArray[Any], width: int) -> NDArray[Any]:
    """Compute the minimum or maximum of every window along the first axis.

    Each round combines two windows into one of up to twice the width.

    Args:
        extreme: `np.minimum` or `np.maximum`.
        values: Array of shape (h, ...).
        width: Width of the windows, 1 to h.
    Returns:
        The extreme of each window, shape (h - width + 1, ...).
    Source: logarithmic decomposition; Pecht 1985, "Speeding up successive Minkowski operations with
        bit-plane computers".
    Example:
        >>> sliding_extreme(np.maximum, np.array([[3], [1], [2], [0]]), 3).T
        array([[3, 2]])
    """
    current = 1  # width of the windows whose extremes `values` holds
    while current < width:
        shift = min(current, width - current)  # the two windows may overlap: that changes no extreme
        values = extreme(values[:-shift], values[shift:])
        current += shift
    return values
