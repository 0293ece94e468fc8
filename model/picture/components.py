"""Connected components: groups of touching pixels, which are either strokes or specks.

Two pixels touch if they share a side or a corner. The algorithm works on runs, which are maximal sequences
of true pixels in one row: a picture with a hundred thousand pixels has only a few hundred runs.
"""

import numpy as np
from numpy.typing import NDArray

MIN_SIZE_SHARE = 1 / 16  # of the largest component; the separate bar of a 5 is larger, dust is smaller


def remove_small_components(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Remove the connected components that are smaller than a 16th of the largest.

    Args:
        mask: Shape (height, width), true on foreground.
    Returns:
        The mask without small components, same shape.
    """
    starts, ends, stride = find_runs(mask)
    labels = label_components(starts, ends, stride)
    sizes = np.bincount(labels, weights=ends - starts, minlength=len(labels))
    is_kept = sizes[labels] >= MIN_SIZE_SHARE * sizes.max(initial=0)
    changes = np.zeros(mask.shape[0] * stride + 1, dtype=np.int8)  # +1 at starts, -1 at ends
    changes[starts[is_kept]] = 1
    changes[ends[is_kept]] -= 1
    return changes[:-1].cumsum(dtype=np.int8).reshape(-1, stride)[:, :-1].astype(bool)


def find_runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
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
