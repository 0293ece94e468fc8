"""Which parts of a picture are strokes, and which are dust.

A part is what hangs together, corners included. Parts are found from runs, the stretches of ink within a
row, of which a picture has a few hundred where it has a hundred thousand points.
"""

import numpy as np
from numpy.typing import NDArray

SPECK_SHARE = 1 / 16  # of the largest part; the loose bar of a five is more, dust is less


def remove_specks(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the large parts of a mask.

    Args:
        mask: Shape (height, width), true on ink.
    Returns:
        The same without parts that are smaller than a 16th of the largest.
    """
    starts, ends, stride = find_runs(mask)
    parts = connect(starts, ends, stride)
    sizes = np.bincount(parts, weights=ends - starts, minlength=len(parts))
    is_kept = sizes[parts] >= SPECK_SHARE * sizes.max(initial=0)
    steps = np.zeros(mask.shape[0] * stride + 1, dtype=np.int8)
    steps[starts[is_kept]] = 1
    steps[ends[is_kept]] -= 1
    return steps[:-1].cumsum(dtype=np.int8).reshape(-1, stride)[:, :-1].astype(bool)


def find_runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """Find the stretches of ink within the rows.

    Args:
        mask: Shape (height, width).
    Returns:
        Where R runs start and end (the first point after), each shape (R,), counted along the rows one
        after another; and how far one row is from the next.
    Example:
        >>> find_runs(np.array([[True, True], [False, True]]))
        (array([0, 4]), array([2, 5]), 3)
    """
    height, width = mask.shape
    stride = width + 1  # a point of paper ends every row
    points = np.zeros(height * stride + 1, dtype=np.int8)
    points[1:].reshape(height, stride)[:, :width] = mask
    changes = np.flatnonzero(points[1:] != points[:-1])
    return changes[::2], changes[1::2], stride


def connect(starts: NDArray[np.intp], ends: NDArray[np.intp], stride: int) -> NDArray[np.intp]:
    """Number the parts that runs form.

    Args:
        starts: Where each run starts, rising, shape (R,).
        ends: Where each ends.
        stride: How far one row is from the next.
    Returns:
        For each run the first run of its part, shape (R,).
    Source: label propagation with hooking and pointer jumping; Shiloach and Vishkin 1982, "An O(log n)
        parallel connectivity algorithm".
    """
    # Of the next row, a run touches those that end after it starts and start before it ends.
    first = np.searchsorted(ends, starts + stride)
    touched = np.maximum(np.searchsorted(starts, ends + stride, side="right") - first, 0)
    upper = np.repeat(np.arange(len(starts)), touched)
    lower = np.arange(len(upper)) + np.repeat(first - (touched.cumsum() - touched), touched)
    parts = np.arange(len(starts))
    while True:
        smaller = np.minimum(parts[upper], parts[lower])
        joined = parts.copy()
        for run in (parts[upper], parts[lower], upper, lower):
            np.minimum.at(joined, run, smaller)
        joined = joined[joined]
        if np.array_equal(joined, parts):
            return parts
        parts = joined
