"""Resizing of pictures: one matrix resamples the rows, another one the columns."""

import numpy as np

from model.mlp import Floats32


def resize(picture: Floats32, height: int, width: int) -> Floats32:
    """Resize a picture; each axis has its own scale.

    Args:
        picture: Shape (h, w), float32.
        height: Rows of the result, at least 1.
        width: Columns of the result, at least 1.
    Returns:
        The resized picture, shape (height, width), float32, within the range of the picture's values.
    """
    rows, columns = (resampling_matrix(*sizes) for sizes in zip(picture.shape, (height, width), strict=True))
    return np.asarray(rows @ picture @ columns.T, np.float32)


def resampling_matrix(length: int, samples: int) -> Floats32:
    """Compute the matrix that resamples an axis from one number of values to another.

    If the axis shrinks, each sample is the mean of the values that it covers, so that no stroke is lost between
    two samples. If the axis grows, each sample is interpolated linearly.

    Args:
        length: Number of values along the axis, at least 1.
        samples: Number of values after resampling, at least 1.
    Returns:
        Weights, shape (samples, length), float32 in [0, 1]; each row sums to 1.
    Example:
        >>> resampling_matrix(4, 2).tolist()
        [[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]]
    """
    step = length / samples  # number of values that one sample covers
    if samples < length:
        edges = np.arange(length + 1)
        starts = (np.arange(samples) * step)[:, None]
        weights = np.minimum(starts + step, edges[1:]) - np.maximum(starts, edges[:-1])  # overlaps
    else:
        centres = ((np.arange(samples) + 0.5) * step)[:, None]
        weights = 1 - np.abs(centres - (np.arange(length) + 0.5))
    weights = np.maximum(weights, 0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
