"""Removal of what is printed or drawn around a digit: rules, boxes and underlines.

Printed lines are straight. Many strokes of digits, as in a 1, 4 or 7, are straight too. A line is printed if it is
thinner than the strokes, and either does not touch the digit, extends far beyond it, or crosses most of the picture. A
line that is as thick as the strokes is removed only if it does not touch the digit, and is a box around it or a line
below it.
"""

import math

import numpy as np

from model.mlp import Floats32
from model.picture.components import MAX_COMPONENTS, Mask, find_components, remove_small_components, stroke_width
from model.picture.lines import Line, erase, find_lines
from model.picture.morphology import dilate
from model.picture.normalise import MIN_COVERAGE

MAX_THICKNESS_RATIO = 0.65  # of a printed line to the strokes
MIN_DIFFERENCE = 1.5  # pixels, between the thickness of a printed line and the strokes
MIN_LENGTH_RATIO = 1.05  # of a printed line across the picture, to the longer side of the digit
MIN_LENGTH_SHARE = 0.7  # of a printed line across the picture, to the side of the picture
MIN_CROSSING_RATIO = 1.3  # of a printed line that crosses the digit, to the digit in the same direction
MAX_STRAIGHT_STROKES = 4  # of a digit
MIN_OVERHANG = 0.05  # of a printed line that crosses the digit, at both ends
MIN_UNDERLINE_RATIO = 1.2  # of an underline to the width of the digit
# Height of an underline, divided by its width: of a curved one, and of a straight one that is not horizontal.
MAX_UNDERLINE_ASPECTS = (0.25, 0.5)
MAX_LIMITS = 12  # different thicknesses that are tried
MAX_STROKES_IN_BOX = 0.2  # share of the pixels of a box that belong to none of its lines


def remove_lines(coverage: Floats32) -> Floats32:
    """Remove printed lines, boxes and underlines.

    Args:
        coverage: Foreground coverage, shape (height, width), in [0, 1].
    Returns:
        The coverage without lines, same shape.
    """
    mask = coverage >= MIN_COVERAGE
    lines = find_lines(mask)
    rest = remove_boxes_and_underlines(remove_thin_lines(mask, lines), lines)
    removed = mask & ~rest
    if not removed.any():
        return coverage
    # The edges of a line cover their pixels only in part, so they are not in the mask.
    return np.where(dilate(removed, 1) & ~rest, np.float32(0), coverage)


def remove_thin_lines(mask: Mask, lines: list[Line]) -> Mask:
    """Remove the lines that are thinner than the strokes.

    Args:
        mask: Shape (height, width).
        lines: Lines of the mask.
    Returns:
        The mask without printed lines, same shape.
    """
    limits = sorted({line.thickness for line in lines}, reverse=True)
    step = max(1, math.ceil(len(limits) / MAX_LIMITS))
    for limit in limits[::step]:  # the thickest lines first: what is left shows how wide the strokes are
        thin = [line for line in lines if line.thickness <= limit]
        digit = remove_small_components(erase(mask, thin))
        if not digit.any():
            continue
        width = stroke_width(digit)
        if limit <= MAX_THICKNESS_RATIO * width and limit <= width - MIN_DIFFERENCE:
            return erase(mask, printed_lines(mask, thin, digit))
    return mask


def printed_lines(mask: Mask, thin: list[Line], digit: Mask) -> list[Line]:
    """Tell printed lines from strokes.

    Args:
        mask: Shape (height, width).
        thin: Lines that are thinner than the strokes.
        digit: Mask of the digit, without the thin lines.
    Returns:
        The lines that do not touch the digit, or extend far beyond it at both ends, or cross most of the picture. If
        there are more of them than a digit has strokes, the other lines are printed too, unless they can be strokes.
    """
    components = find_components(mask, 0).labels
    of_digit = np.unique(components[digit])
    top, bottom, left, right = bounding_box(digit)
    certain, likely = [], []
    for line in thin:
        (first, after), (near, far) = ((left, right), (top, bottom))[:: -1 if line.is_vertical else 1]
        column, row, _ = line.runs[len(line.runs) // 2]
        is_detached = (components.T if line.is_vertical else components)[row, column] not in of_digit
        overhang = MIN_OVERHANG * line.length
        is_crossing = line.first <= first - overhang and line.last >= after - 1 + overhang
        is_across = line.length >= MIN_LENGTH_SHARE * mask.shape[0 if line.is_vertical else 1]
        is_beside = not near <= line.row < far
        is_no_stroke = is_beside or line.length >= MIN_LENGTH_RATIO * max(bottom - top, right - left)
        is_far_longer = is_crossing and line.length >= MIN_CROSSING_RATIO * (after - first)
        if is_detached or is_far_longer or (is_across and is_no_stroke):
            certain.append(line)
        elif is_no_stroke:
            likely.append(line)
    return certain + likely if len(certain) > MAX_STRAIGHT_STROKES else certain


def remove_boxes_and_underlines(mask: Mask, lines: list[Line]) -> Mask:
    """Remove boxes and underlines that do not touch the digit, also if they are as thick as the strokes.

    Args:
        mask: Shape (height, width).
        lines: Lines of the mask.
    Returns:
        The mask without boxes and underlines, same shape.
    """
    labels, sizes, boxes = find_components(mask)
    if not 2 <= len(sizes) <= MAX_COMPONENTS:  # one shape, or a pattern
        return mask
    pixels_off_lines = np.bincount(labels[erase(mask, lines) & (labels >= 0)], minlength=len(sizes))
    is_straight = pixels_off_lines <= MAX_STROKES_IN_BOX * sizes
    is_digit = np.ones(len(sizes), bool)
    for index, (top, bottom, left, right) in enumerate(boxes):
        others = boxes[is_digit & (np.arange(len(boxes)) != index)]
        if len(others) == 0:
            break
        (digit_top, _, digit_left, _), (_, digit_bottom, _, digit_right) = others.min(axis=0), others.max(axis=0)
        is_around = top <= digit_top and bottom >= digit_bottom and left <= digit_left and right >= digit_right
        is_flat = bottom - top <= MAX_UNDERLINE_ASPECTS[int(is_straight[index])] * (right - left)
        is_below = top + bottom >= 2 * digit_bottom
        is_wide = right - left >= MIN_UNDERLINE_RATIO * (digit_right - digit_left)
        is_digit[index] = not ((is_around and is_straight[index]) or (is_below and is_flat and is_wide))
    # Small components have the label -1, which takes the last entry: they stay, and `remove_noise` removes them later.
    return np.asarray(mask & np.append(is_digit, [True])[labels])


def bounding_box(mask: Mask) -> tuple[int, int, int, int]:
    """Find the bounding box of the true pixels.

    Args:
        mask: Shape (height, width), with at least one true pixel.
    Returns:
        Top, bottom, left, right; bottom and right are the first row and column after the pixels.
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
