"""What surrounds the sheet in a coarse picture: the desk, and the shadows on the sheet."""

import numpy as np
from numpy.typing import NDArray

from model.mlp import Floats32
from model.picture.components import Mask, find_components, sum_by_component
from model.picture.morphology import dilate, enclose
from model.picture.smooth import WIDE_RADIUS

MIN_CORNER_RATIO = 0.5  # of the difference from the sheet, at the corner, to that of the whole desk
MAX_INSIDE_SHARE = 0.5  # of a desk or a shadow that begins at a corner; of a cropped digit more is inside of the sheet
# Strokes in a shadow: the edges in its interior, and the pixels that the sheet encloses; in pixels and as a share.
MIN_EDGE_PIXELS, MIN_EDGE_SHARE = 2, 0.03
MIN_ENCLOSED_PIXELS, MIN_ENCLOSED_SHARE = 3, 0.005
SHADOW_RATIOS = (0.35, 2.2)  # of the brightness, to that of the sheet; above 1 if the sheet was found in the shadow
MAX_COLOUR_CHANGE = 0.12  # relative difference of the ratios of two colours


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
    size, size_inside = sum_by_component(areas, is_other), sum_by_component(areas, inside)
    # A desk differs from the sheet everywhere. The component of a stroke can include a corner that differs little.
    difference = np.abs(coarse - surface).max(axis=-1)
    at_corner, everywhere = (sum_by_component(areas, mask & is_other, difference) for mask in (corner, is_other))
    is_uniform = at_corner * size >= MIN_CORNER_RATIO * everywhere * sum_by_component(areas, corner)
    is_outer = (sum_by_component(areas, corner) > 0) & (size_inside <= MAX_INSIDE_SHARE * size) & is_uniform
    # A shadow holds strokes: edges away from the background, or pixels that the background encloses. The edge of the
    # area itself does not count.
    is_inner_edge = ~is_smooth & ~dilate(is_background, WIDE_RADIUS)
    has_strokes = (sum_by_component(areas, is_inner_edge) > MIN_EDGE_PIXELS + MIN_EDGE_SHARE * size) | (
        size_inside > MIN_ENCLOSED_PIXELS + MIN_ENCLOSED_SHARE * size
    )
    is_shadow = is_darkened(np.where(is_smooth, areas, -1), coarse, surface) & (
        (is_outer & has_strokes) | (~is_outer & (sum_by_component(areas, is_wide) > 0))
    )
    is_desk = is_outer & ~is_shadow
    # The pixel beside a desk still shows a part of it.
    return dilate(is_desk[areas] & is_other & ~inside, 1) & ~inside, is_shadow[areas] & is_other


def is_darkened(areas: NDArray[np.intp], coarse: Floats32, surface: Floats32) -> Mask:
    """Decide which areas can be darkened by a shadow: all colours change by about the same ratio.

    Args:
        areas: Number of the area of each pixel, -1 on pixels without an area, shape (h, w).
        coarse: Brightness, shape (h, w, C).
        surface: Surface that was fitted to the background, shape (h, w, C).
    Returns:
        True for each such area, shape (h * w,).
    """
    is_in_area = areas >= 0
    light, full_light = (
        np.array([sum_by_component(areas, is_in_area, values) for values in np.moveaxis(picture, -1, 0)])
        for picture in (coarse, surface)
    )
    ratios = light / np.maximum(full_light, 1)  # (C, h * w)
    low, high = ratios.min(axis=0), ratios.max(axis=0)
    is_in_range = (low > SHADOW_RATIOS[0]) & (high < SHADOW_RATIOS[1])
    return np.asarray(is_in_range & (high - low < MAX_COLOUR_CHANGE * high))
