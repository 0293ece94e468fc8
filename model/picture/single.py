"""Rejection of pictures with several digits.

A stroke of a digit can be detached, as the bar of a 5. So connected components are grouped if the gap between them is
small. A group counts as a digit if it is about as high as the highest group, and beside it or far below it.
"""

import numpy as np
from numpy.typing import NDArray

from model.errors import SeveralDigitsError
from model.mlp import Floats32
from model.picture.components import BOX_SIGNS, MAX_COMPONENTS, Mask, find_components, stroke_width
from model.picture.morphology import dilate
from model.picture.normalise import MIN_COVERAGE

MAX_GAP = 0.11  # between two components of one digit, in longer sides of the largest component
MIN_HEIGHT = 0.65  # of a digit, in heights of the highest one
MIN_STROKE_WIDTHS = 5  # height of a digit, in widths of its strokes; pieces of a stroke with gaps are lower
MIN_SHARED_ROWS = 0.5  # of two digits side by side, as a share of all rows with strokes
# Of two digits of which one is below the other: the gap, in heights of the smaller one; and the height of both
# together, in widths of both together.
MIN_STACK_GAP = 0.3
MIN_STACK_ASPECT = 2.0


def require_single_digit(coverage: Floats32) -> Floats32:
    """Reject a picture with several digits.

    Args:
        coverage: Foreground coverage, shape (height, width), in [0, 1].
    Returns:
        The same coverage.
    Raises:
        SeveralDigitsError: There are several separate shapes of a digit's size.
    """
    count = count_digits(coverage >= MIN_COVERAGE)
    if count > 1:
        raise SeveralDigitsError(count)
    return coverage


def count_digits(mask: Mask) -> int:
    """Count the separate shapes of a digit's size.

    Args:
        mask: Shape (height, width), true on strokes.
    Returns:
        The number of shapes; 0 if there are no strokes, and 1 if there are so many that they are a pattern.
    """
    labels, _, boxes = find_components(mask)
    if not 2 <= len(boxes) <= MAX_COMPONENTS:
        return min(len(boxes), 1)
    longest_side = (boxes[:, 1::2] - boxes[:, ::2]).max()
    is_stroke = labels >= 0
    groups = find_components(dilate(is_stroke, max(1, round(MAX_GAP / 2 * longest_side))), 0).labels
    group_of_component = np.empty(len(boxes), np.intp)
    group_of_component[labels[is_stroke]] = groups[is_stroke]
    members = (boxes[group_of_component == group] * BOX_SIGNS for group in np.unique(group_of_component))
    shapes = sorted((each.min(axis=0) * BOX_SIGNS for each in members), key=height, reverse=True)  # bounding boxes
    min_shared_rows = MIN_SHARED_ROWS * (boxes[:, 1].max() - boxes[:, 0].min())
    min_height = max(MIN_HEIGHT * height(shapes[0]), MIN_STROKE_WIDTHS * stroke_width(is_stroke))
    digits = shapes[:1]
    for shape in shapes[1:]:
        if height(shape) >= min_height and all(is_apart(shape, digit, min_shared_rows) for digit in digits):
            digits.append(shape)
    return len(digits)


def height(box: NDArray[np.intp]) -> int:
    """Return the height of a bounding box, which is top, bottom, left and right."""
    return int(box[1] - box[0])


def is_apart(box: NDArray[np.intp], other: NDArray[np.intp], min_shared_rows: float) -> bool:
    """Decide whether two shapes can be two digits: side by side, or one below the other.

    Args:
        box: Top, bottom, left and right of the smaller shape.
        other: Those of the other shape.
        min_shared_rows: Smallest number of rows that two digits side by side share.
    Returns:
        False if the two shapes can be parts of one digit.
    """
    gap = max(box[0] - other[1], other[0] - box[1])  # negative if both shapes share rows
    if gap < MIN_STACK_GAP * height(box):
        return bool(-gap >= min_shared_rows)
    top, bottom, left, right = np.minimum(box * BOX_SIGNS, other * BOX_SIGNS) * BOX_SIGNS
    return bool(bottom - top >= MIN_STACK_ASPECT * (right - left))
