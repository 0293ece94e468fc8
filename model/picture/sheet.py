"""Finding the sheet in a coarse picture.

The background of a sheet is smooth, and strokes have edges. So the smooth pixels are grouped to areas. The largest area
near the middle belongs to the sheet, and a smooth surface is fitted to its brightness. All pixels that continue this
surface are background: also the holes of a digit, and the corners that a cropped digit leaves free. The rest is desk,
shadow and strokes:

- A desk covers a corner of the picture, and lies outside of the sheet. It is masked.
- A shadow darkens all colours alike. It is a further background.
- All other pixels are strokes. The larger part of a stroke that the border of the picture cuts off is inside of the
  sheet.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.mlp import Floats32
from model.picture.components import Mask, find_components, sum_by_component
from model.picture.morphology import enclose, top_hat
from model.picture.smooth import MIN_MARK, WIDE_RADIUS, find_smooth_between_lines
from model.picture.surroundings import find_surroundings

MIN_TOLERANCE = 10  # grey levels by which background may differ from the fitted surface
TOLERANCE_FACTOR = 6  # of the median difference
RIDGE = 0.01  # weight of the penalty that keeps the surface flat beyond a small area
CENTRE_WEIGHT = 1.1  # above 1, so that pixels at the border of the picture still count
DARKEST_WEIGHT = 32  # grey levels that are added to the brightness: a sheet is often brighter than a desk
MIN_WIDE_RATIO = 0.2  # of the wide pixels of an area, to those of the area with most of them; bold strokes have fewer
MAX_HOLES_SHARE = 0.02  # of an area
MIN_STROKES_SHARE = 0.003  # of the picture; fewer pixels are no digit


class Sheet(NamedTuple):
    """The sheet of a coarse picture, and the desk beside it.

    Args:
        is_sheet: False on the desk, shape (h, w).
        is_background: True on pixels of the sheet without strokes, shape (h, w).
        surface: Brightness of the sheet as a smooth function of the place, shape (h, w, C), float32.
    """

    is_sheet: Mask
    is_background: Mask
    surface: Floats32


def find_sheet(coarse: Floats32) -> Sheet:
    """Separate a coarse picture into background, strokes and desk.

    Args:
        coarse: Brightness of each of C colours, shape (h, w, C), float32 in [0, 255].
    Returns:
        The sheet. It is the whole picture if nothing else is found.
    """
    plain, is_smooth, is_wide, max_edge = find_smooth_between_lines(coarse)
    is_mark = np.abs(coarse - plain).max(axis=-1) > MIN_MARK
    areas = find_components(is_smooth, 0).labels
    surface, is_background = fit_background(plain, is_smooth, largest_area(areas, is_wide, plain.mean(axis=-1)))
    desk, shadow = find_surroundings(plain, surface, is_background, is_smooth & ~is_mark, is_wide)
    is_sheet = ~desk
    if (is_sheet & (is_mark | ~is_background)).sum() < MIN_STROKES_SHARE * desk.size:
        is_sheet, shadow = np.ones_like(desk), shadow | desk  # the strokes are in what seemed to be a desk
    if shadow.any():  # the edge of a shadow is not smooth, but it is no narrow mark
        is_smooth = is_smooth | (top_hat(coarse, WIDE_RADIUS).max(axis=-1) <= max_edge)
    return Sheet(is_sheet, is_smooth & ~is_mark & (is_background | shadow) & is_sheet, surface)


def largest_area(areas: NDArray[np.intp], is_wide: Mask, brightness: Floats32) -> Mask:
    """Find the smooth area that most likely belongs to the sheet.

    Args:
        areas: Number of the area of each smooth pixel, -1 on other pixels, shape (h, w).
        is_wide: True in the middle of smooth squares, shape (h, w).
        brightness: Shape (h, w).
    Returns:
        True on the area, shape (h, w). Pixels near the middle and bright ones count more. The border of the picture
        decides if the whole picture is narrow, as a tightly cropped digit is, or if bold strokes were found.
    """
    height, width = areas.shape
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)
    votes = areas >= 0
    if is_wide.any():
        weights = (CENTRE_WEIGHT - y * y) * (CENTRE_WEIGHT - x * x) * (DARKEST_WEIGHT + brightness)
        wide = sum_by_component(areas, is_wide)
        candidates = wide >= MIN_WIDE_RATIO * wide.max()
    else:
        weights, candidates = np.ones_like(brightness), np.ones(areas.size, bool)
        votes[1:-1, 1:-1] = False
    sums = np.bincount(areas[votes], weights=weights[votes], minlength=areas.size)
    area = areas == (sums * candidates).argmax()
    border = np.ones_like(area)
    border[1:-1, 1:-1] = False
    outer = areas == sum_by_component(areas, border).argmax()
    return np.asarray(outer if has_holes(area, outer, areas >= 0, brightness) else area)


def has_holes(area: Mask, outer: Mask, is_smooth: Mask, brightness: Floats32) -> bool:
    """Decide whether an area has holes, as bold strokes have: the sheet is then outside.

    Args:
        area: True on the area, shape (h, w).
        outer: True on the area that touches most of the border of the picture, shape (h, w).
        is_smooth: True on smooth pixels, shape (h, w).
        brightness: Shape (h, w).
    Returns:
        True if the area encloses smooth pixels that are more like the outer area.
    """
    if not outer.any() or (area & outer).any():
        return False
    limit = (brightness[area].mean() + brightness[outer].mean()) / 2
    is_like_outer = (brightness > limit) == (brightness[outer].mean() > limit)
    holes = enclose(area) & ~area & is_smooth & is_like_outer
    return bool(holes.sum() > MAX_HOLES_SHARE * area.sum())


def fit_background(coarse: Floats32, is_smooth: Mask, area: Mask) -> tuple[Floats32, Mask]:
    """Fit a paraboloid to the brightness of an area, and find all pixels that continue it.

    Args:
        coarse: Brightness, shape (h, w, C).
        is_smooth: True on smooth pixels, shape (h, w).
        area: True on the area, shape (h, w).
    Returns:
        The surface, shape (h, w, C), float32; true on the area and on the pixels near the surface, shape (h, w).
    Source: ridge regression; Hoerl and Kennard 1970, "Ridge regression: Biased estimation for nonorthogonal problems".
    """
    height, width = area.shape
    y, x = np.linspace(-1, 1, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)
    terms = np.stack(np.broadcast_arrays(np.float32(1), x, y, x * x + y * y)).reshape(4, -1)
    penalty = RIDGE * area.size * np.diag([1e-3, 1, 1, 1])
    values = coarse.reshape(area.size, -1)
    chosen = area
    for _ in range(2):  # the second surface is fitted to all that continue the first one
        weighted = terms * chosen.ravel()
        surface = (terms.T @ np.linalg.solve(weighted @ terms.T + penalty, weighted @ values)).reshape(coarse.shape)
        difference = np.abs(coarse - surface).max(axis=-1)
        chosen = area | (is_smooth & (difference <= MIN_TOLERANCE))
    tolerance = max(MIN_TOLERANCE, TOLERANCE_FACTOR * float(np.median(difference[area])) if area.any() else 0)
    return surface.astype(np.float32), area | (difference <= tolerance)
