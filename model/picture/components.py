"""Connected components: groups of touching pixels, such as strokes, specks or smooth areas.

Two pixels touch if they share a side or a corner. The algorithm works on runs, which are maximal sequences
of true pixels in one row: a picture with a hundred thousand pixels has only a few hundred runs.
"""

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Mask: TypeAlias = NDArray[np.bool_]

BOX_SIGNS = np.array([1, -1, 1, -1])  # of top, bottom, left and right: with these signs, the minimum is outermost
MAX_COMPONENTS = 64  # more large components are a pattern
MIN_SIZE_SHARE = 1 / 16  # of the largest component; the separate bar of a 5 is larger, dust is smaller


class Components(NamedTuple):
    """Connected components of a mask.

    Args:
        labels: Number of the component of each pixel, -1 on other pixels, shape (height, width).
        sizes: Number of pixels of each of N components, shape (N,).
        boxes: Bounding boxes of the components, shape (N, 4): top, bottom, left, right. Bottom and right are the first
            row and column after the component.
    """

    labels: NDArray[np.intp]
    sizes: NDArray[np.intp]
    boxes: NDArray[np.intp]


def find_components(mask: Mask, min_size_share: float = MIN_SIZE_SHARE) -> Components:
    """Find the connected components of a mask, without the small ones.

    Args:
        mask: Shape (height, width), true on foreground.
        min_size_share: Smallest size of a component, as a share of the largest one, 0…1.
    Returns:
        The components.
    """
    starts, ends, stride = find_runs(mask)
    first_runs = label_components(starts, ends, stride)
    labels = ((first_runs == np.arange(len(starts))).cumsum() - 1)[first_runs]  # 0, 1, …
    sizes = np.bincount(labels, weights=ends - starts).astype(np.intp)
    is_kept = sizes >= min_size_share * sizes.max(initial=0)
    labels = np.where(is_kept, is_kept.cumsum() - 1, -1)[labels]
    rows = starts // stride
    edges = np.stack([rows, -rows - 1, starts - rows * stride, rows * stride - ends], axis=1)[labels >= 0]
    boxes = np.full((np.count_nonzero(is_kept), 4), mask.size, np.intp)
    np.minimum.at(boxes, labels[labels >= 0], edges)
    # The pixels between the runs get the number -1.
    borders = np.stack([starts, ends], axis=1).ravel()
    numbers = np.full(len(borders) + 1, -1)
    numbers[1::2] = labels
    pixels = np.repeat(numbers, np.diff(borders, prepend=0, append=len(mask) * stride))
    return Components(pixels.reshape(-1, stride)[:, :-1], sizes[is_kept], boxes * BOX_SIGNS)


def remove_small_components(mask: Mask) -> Mask:
    """Remove the connected components that are smaller than a 16th of the largest.

    Args:
        mask: Shape (height, width), true on foreground.
    Returns:
        The mask without small components, same shape.
    """
    return find_components(mask).labels >= 0


def sum_by_component(labels: NDArray[np.intp], mask: Mask, weights: NDArray[Any] | None = None) -> NDArray[Any]:
    """Count the pixels of each component under a mask, or sum their weights.

    Args:
        labels: Number of the component of each pixel, -1 on other pixels, shape (h, w).
        mask: Shape (h, w).
        weights: Weight of each pixel, shape (h, w); 1 if not given.
    Returns:
        Number of pixels (intp) or sum of weights (float64) of each component, shape (h * w,).
    """
    chosen = mask & (labels >= 0)
    return np.bincount(labels[chosen], weights=None if weights is None else weights[chosen], minlength=labels.size)


def find_runs(mask: Mask) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """Find the runs of a mask.

    Positions count the pixels row by row. Each row is followed by one extra background pixel, so that
    no run continues in the next row.

    Args:
        mask: Shape (height, width).
    Returns:
        The position of the first pixel of each of R runs, shape (R,); the position after its last pixel,
        shape (R,); and the stride, which is the distance between the starts of two rows.
    Example:
        >>> find_runs(np.array([[True, True], [False, True]]))
        (array([0, 4]), array([2, 5]), 3)
    """
    height, width = mask.shape
    stride = width + 1
    padded = np.zeros(height * stride + 1, dtype=np.int8)  # one more background pixel comes first
    padded[1:].reshape(height, stride)[:, :width] = mask
    changes = np.flatnonzero(padded[1:] != padded[:-1])
    return changes[::2], changes[1::2], stride


def label_components(starts: NDArray[np.intp], ends: NDArray[np.intp], stride: int) -> NDArray[np.intp]:
    """Label each run with its connected component.

    Args:
        starts: Position of the first pixel of each run, ascending, shape (R,).
        ends: Position after the last pixel of each run, shape (R,).
        stride: Distance between the starts of two rows.
    Returns:
        The label of each run, shape (R,): the index of the first run in its component.
    Source: label propagation with hooking and pointer jumping; Shiloach and Vishkin 1982, "An O(log n)
        parallel connectivity algorithm".
    """
    # Run a touches run b of the next row if b.end >= a.start + stride and b.start <= a.end + stride. Ends are
    # exclusive, so equality means that two corners touch. The runs b that touch a have consecutive indices, from
    # first_below on.
    first_below = np.searchsorted(ends, starts + stride)
    count_below = np.maximum(np.searchsorted(starts, ends + stride, side="right") - first_below, 0)
    # The pairs: run upper[i] touches run lower[i] of the next row. For each upper run, lower takes the values
    # first_below, first_below + 1, …, as many as count_below.
    upper = np.repeat(np.arange(len(starts)), count_below)
    lower = np.arange(len(upper)) + np.repeat(first_below - (count_below.cumsum() - count_below), count_below)
    labels = np.arange(len(starts))
    while True:
        smaller = np.minimum(labels[upper], labels[lower])
        updated = labels.copy()
        for runs in (labels[upper], labels[lower], upper, lower):
            # Hooking: both runs of a pair, and the two runs that their labels point to, take the smaller label.
            np.minimum.at(updated, runs, smaller)
        updated = updated[updated]  # pointer jumping: each label becomes the label of the run it names
        if np.array_equal(updated, labels):
            return labels
        labels = updated


def stroke_width(mask: Mask) -> float:
    """Estimate the width of strokes: their area divided by their length.

    Args:
        mask: Shape (height, width), with at least one true pixel.
    Returns:
        The width in pixels. It is about right for strokes that are much longer than wide; a diagonal stroke can measure
        an eighth less.
    Source: the length is that of one straight line or by Crofton's formula, whichever is larger; Crofton 1868, "On the
        theory of local probability". A stroke crosses about as many rows and columns as there are runs in them.
    """
    rows, columns = len(find_runs(mask)[0]), len(find_runs(mask.T)[0])
    return float(mask.sum()) / max(math.hypot(rows, columns), math.pi / 4 * (rows + columns))
