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

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.mlp import Floats32
from model.picture.components import Mask, find_components
from model.picture.morphology import dilate, enclose, erode, gradient, remove_narrow_marks, top_hat

MIN_EDGE = 8  # grey levels of 255; smaller gradients are shading or noise
EDGE_FACTOR = 1.5  # of the median gradient of the picture; smaller gradients are noise or texture
NARROW_RADIUS = 1  # pixels; printed lines and thin strokes are up to 2 pixels wide
MIN_MARKS_SHARE = 0.1  # of the picture, that narrow marks of a sheet with printed lines cover
WIDE_RADIUS = 3  # pixels; a smooth square of 7×7 does not fit into a stroke
MIN_TOLERANCE = 10  # grey levels by which background may differ from the fitted surface
TOLERANCE_FACTOR = 6  # of the median difference
RIDGE = 0.01  # weight of the penalty that keeps the surface flat beyond a small area
CENTRE_WEIGHT = 1.1  # above 1, so that pixels at the border of the picture still count
DARKEST_WEIGHT = 32  # grey levels that are added to the brightness: a sheet is often brighter than a desk
MIN_INNER_SHARE = 0.04  # of the picture, wide pixels of the smallest sheet within a desk
MIN_WIDE_SHARE = 0.25  # of a sheet
MIN_WIDE_RATIO = 0.2  # of the wide pixels of an area, to those of the area with most of them; bold strokes have fewer
MAX_HOLES_SHARE = 0.02  # of a sheet
MIN_STROKES_SHARE = 0.003  # of the picture; fewer pixels are no digit
MIN_CORNER_RATIO = 0.5  # of the difference from the sheet, at the corner, to that of the whole desk
MAX_INSIDE_SHARE = 0.5  # of a desk or a shadow that begins at a corner; of a cropped digit more is inside of the sheet
# Strokes in a shadow: the edges in its interior, and the pixels that the sheet encloses; in pixels and as a share.
MIN_EDGE_PIXELS, MIN_EDGE_SHARE = 2, 0.03
MIN_ENCLOSED_PIXELS, MIN_ENCLOSED_SHARE = 3, 0.005
SHADOW_RATIOS = (0.35, 2.2)  # of the brightness, to that of the sheet; above 1 if the sheet was found in the shadow
MAX_COLOUR_CHANGE = 0.12  # relative difference of the ratios of two colours


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
    plain, is_mark = coarse, np.zeros(coarse.shape[:2], bool)
    is_smooth, max_edge = find_smooth(plain)
    is_wide = erode(is_smooth, WIDE_RADIUS)
    if not is_wide.any():  # printed lines can divide the whole sheet
        without_marks = remove_narrow_marks(coarse, NARROW_RADIUS)
        differs = np.abs(coarse - without_marks).max(axis=-1) > MIN_TOLERANCE
        if differs.mean() >= MIN_MARKS_SHARE:
            plain, is_mark = without_marks, differs
            is_smooth, max_edge = find_smooth(plain)
            is_wide = erode(is_smooth, WIDE_RADIUS)
    areas = find_components(is_smooth, 0).labels
    surface, is_background = fit_background(plain, is_smooth, largest_area(areas, is_wide, plain.mean(axis=-1)))
    inner = inner_area(np.where(is_mark, -1, areas), is_wide, is_background)
    if inner.any():
        surface, is_background = fit_background(plain, is_smooth, inner)
    desk, shadow = find_surroundings(plain, surface, is_background, is_smooth & ~is_mark, is_wide)
    is_sheet = ~desk
    if (is_sheet & (is_mark | ~is_background)).sum() < MIN_STROKES_SHARE * desk.size:
        is_sheet, shadow = np.ones_like(desk), shadow | desk  # the strokes are in what seemed to be a desk
    if shadow.any():  # the edge of a shadow is not smooth, but it is no narrow mark
        is_smooth = is_smooth | (top_hat(coarse, WIDE_RADIUS).max(axis=-1) <= max_edge)
    return Sheet(is_sheet, is_smooth & ~is_mark & (is_background | shadow) & is_sheet, surface)


def find_smooth(picture: Floats32) -> tuple[Mask, float]:
    """Find the pixels without edges.

    Args:
        picture: Shape (h, w, C).
    Returns:
        True on smooth pixels, shape (h, w); and the largest gradient of a smooth pixel.
    """
    edges = gradient(picture).max(axis=-1)
    max_edge = MIN_EDGE + EDGE_FACTOR * float(np.median(edges))
    return edges <= max_edge, max_edge


def largest_area(areas: NDArray[np.intp], is_wide: Mask, brightness: Floats32) -> Mask:
    """Find the smooth area that most likely belongs to the sheet.

    Args:
        areas: Number of the area of each smooth pixel, -1 on other pixels, shape (h, w).
        is_wide: True in the middle of smooth squares, shape (h, w).
        brightness: Shape (h, w).
    Returns:
        True on the area, shape (h, w). Pixels near the middle and bright ones count more. If the whole picture is
        narrow, as a tightly cropped digit is, then the border of the picture decides.
    """
    height, width = areas.shape
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)
    votes = areas >= 0
    if is_wide.any():
        weights = (CENTRE_WEIGHT - y * y) * (CENTRE_WEIGHT - x * x) * (DARKEST_WEIGHT + brightness)
        wide = sum_by_area(areas, is_wide)
        candidates = wide >= MIN_WIDE_RATIO * wide.max()
    else:
        weights, candidates = np.ones_like(brightness), np.ones(areas.size, bool)
        votes[1:-1, 1:-1] = False
    sums = np.bincount(areas[votes], weights=weights[votes], minlength=areas.size)
    return np.asarray(areas == np.argmax(sums * candidates))


def inner_area(areas: NDArray[np.intp], is_wide: Mask, is_background: Mask) -> Mask:
    """Find a sheet that lies within the area that was found first, which is then a desk.

    Args:
        areas: Number of the area of each smooth pixel, -1 on other pixels, shape (h, w).
        is_wide: True in the middle of smooth squares, shape (h, w).
        is_background: True on the area that was found first and on all pixels like it, shape (h, w).
    Returns:
        True on the area of the sheet, shape (h, w); false everywhere if there is none.
    """
    is_inner = is_wide & ~is_background
    if is_inner.any():
        is_inner &= enclose(is_background)
    if is_inner.sum() < MIN_INNER_SHARE * areas.size:
        return np.zeros_like(is_inner)
    area = areas == sum_by_area(areas, is_inner).argmax()
    inside = enclose(area)
    has_strokes = (inside & (areas < 0)).sum() >= MIN_STROKES_SHARE * areas.size
    has_holes = (inside & is_background & (areas >= 0)).sum() > MAX_HOLES_SHARE * area.sum()  # as bold strokes have
    is_wide_area = is_inner.sum() >= MIN_WIDE_SHARE * area.sum()  # bold strokes are not
    return np.asarray(area & (has_strokes and is_wide_area and not has_holes))


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


def find_surroundings(
    coarse: Floats32, surface: Floats32, is_background: Mask, is_smooth: Mask, is_wide: Mask
) -> tuple[Mask, Mask]:
    """Find the desk and the shadows.

    Args:
        coarse: Brightness, shape (h, w, C).
        surface: Surface that was fitted to the background, shape (h, w, C).
        is_background: True on background, shape (h, w).
        is_smooth: True on smooth pixels, shape (h, w).
        is_wide: True in the middle of smooth squares, shape (h, w).
    Returns:
        True on the desk, and true on shadows, each of shape (h, w).
    """
    is_other = ~is_background
    corner = np.zeros_like(is_other)
    corner[:: max(1, len(corner) - 1), :: max(1, corner.shape[1] - 1)] = True
    if not (is_other & (corner | is_wide)).any():
        return np.zeros_like(corner), np.zeros_like(corner)
    areas = find_components(is_other, 0).labels
    inside = enclose(is_background)
    size, size_inside = sum_by_area(areas, is_other), sum_by_area(areas, inside)
    # A desk has about the same brightness at the corner. A corner that only belongs to a stroke is brighter than it.
    difference = np.abs(coarse - surface).max(axis=-1)
    at_corner, everywhere = (sum_by_area(areas, mask & is_other, difference) for mask in (corner, is_other))
    is_uniform = at_corner * size >= MIN_CORNER_RATIO * everywhere * sum_by_area(areas, corner)
    is_outer = (sum_by_area(areas, corner) > 0) & (size_inside <= MAX_INSIDE_SHARE * size) & is_uniform
    # A shadow holds strokes: edges away from the background, or pixels that the background encloses. The edge of the
    # area itself does not count.
    is_inner_edge = ~is_smooth & ~dilate(is_background, WIDE_RADIUS)
    has_strokes = (sum_by_area(areas, is_inner_edge) > MIN_EDGE_PIXELS + MIN_EDGE_SHARE * size) | (
        size_inside > MIN_ENCLOSED_PIXELS + MIN_ENCLOSED_SHARE * size
    )
    smooth_areas = np.where(is_smooth, areas, -1)
    light, full_light = (
        np.array([sum_by_area(smooth_areas, is_other, values) for values in np.moveaxis(picture, -1, 0)])
        for picture in (coarse, surface)
    )
    ratios = light / np.maximum(full_light, 1)
    low, high = ratios.min(axis=0), ratios.max(axis=0)
    is_darkened = (low > SHADOW_RATIOS[0]) & (high < SHADOW_RATIOS[1]) & (high - low < MAX_COLOUR_CHANGE * high)
    is_shadow = is_darkened & ((is_outer & has_strokes) | (~is_outer & (sum_by_area(areas, is_wide) > 0)))
    is_desk = is_outer & ~is_shadow
    # The pixel beside a desk still shows a part of it.
    return dilate(is_desk[areas] & is_other & ~inside, 1) & ~inside, is_shadow[areas] & is_other


def sum_by_area(areas: NDArray[np.intp], mask: Mask, weights: Floats32 | None = None) -> NDArray[Any]:
    """Count the pixels of each area under a mask, or sum their weights.

    Args:
        areas: Number of the area of each pixel, -1 on pixels without an area, shape (h, w).
        mask: Shape (h, w).
        weights: Weight of each pixel, shape (h, w); 1 if not given.
    Returns:
        Number of pixels (intp) or sum of weights (float64) of each area, shape (h * w,).
    """
    chosen = mask & (areas >= 0)
    return np.bincount(areas[chosen], weights=None if weights is None else weights[chosen], minlength=areas.size)
