"""The smooth pixels of a coarse picture: background is smooth, and strokes have edges."""

from typing import NamedTuple

import numpy as np

from model.mlp import Floats32
from model.picture.components import Mask
from model.picture.morphology import erode, gradient, remove_narrow_marks

MIN_EDGE = 8  # grey levels of 255; smaller gradients are shading or noise
EDGE_FACTOR = 1.5  # of the median gradient of the picture; smaller gradients are noise or texture
NARROW_RADIUS = 1  # pixels; printed lines and thin strokes are up to 2 pixels wide
MIN_MARKS_SHARE = 0.1  # of the picture, that narrow marks of a sheet with printed lines cover
WIDE_RADIUS = 3  # pixels; a smooth square of 7×7 does not fit into most strokes
MIN_MARK = 10  # grey levels by which a narrow mark differs from its surroundings


class Smooth(NamedTuple):
    """The smooth pixels of a coarse picture.

    Args:
        picture: The picture, perhaps without narrow marks, shape (h, w, C).
        is_smooth: True on pixels without edges, shape (h, w).
        is_wide: True in the middle of squares of smooth pixels, shape (h, w).
        max_edge: The largest gradient of a smooth pixel, in grey levels.
    """

    picture: Floats32
    is_smooth: Mask
    is_wide: Mask
    max_edge: float


def find_smooth_between_lines(coarse: Floats32) -> Smooth:
    """Find the smooth pixels, without narrow marks if printed lines divide the whole sheet.

    Args:
        coarse: Shape (h, w, C).
    Returns:
        The smooth pixels.
    """
    smooth = find_smooth(coarse)
    if smooth.is_wide.any():
        return smooth
    plain = remove_narrow_marks(coarse, NARROW_RADIUS)
    marks_share = (np.abs(coarse - plain).max(axis=-1) > MIN_MARK).mean()
    return find_smooth(plain) if marks_share >= MIN_MARKS_SHARE else smooth


def find_smooth(picture: Floats32) -> Smooth:
    """Find the pixels without edges.

    Args:
        picture: Shape (h, w, C).
    Returns:
        The smooth pixels. The largest gradient adapts to the noise of the picture.
    """
    edges = gradient(picture).max(axis=-1)
    max_edge = MIN_EDGE + EDGE_FACTOR * float(np.median(edges))
    is_smooth = edges <= max_edge
    return Smooth(picture, is_smooth, erode(is_smooth, WIDE_RADIUS), max_edge)
