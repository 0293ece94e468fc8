"""Changing the size of a picture: one matrix for its rows, one for its columns."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.mlp import Floats32


def resize(picture: Floats32, height: int, width: int) -> Floats32:
    """Make a picture larger or smaller, each axis by its own factor.

    Args:
        picture: Shape (h, w), float32.
        height: Rows wanted, at least 1.
        width: Columns wanted, at least 1.
    Returns:
        Shape (height, width), float32 within the range of the picture.
    """
    rows, columns = (resampling(*sizes) for sizes in zip(picture.shape, (height, width), strict=True))
    resized: NDArray[Any] = rows @ picture @ columns.T
    return resized.astype(np.float32, copy=False)


def resampling(length: int, samples: int) -> Floats32:
    """Weigh the values along one axis so that they become more or fewer.

    Fewer are means over what they cover, so that no stroke falls between two of them; more are read
    linearly between the old ones.

    Args:
        length: Values along the axis, at least 1.
        samples: Values wanted, at least 1.
    Returns:
        Shape (samples, length), float32 in [0, 1]; each row sums to 1.
    Example:
        >>> resampling(4, 2).tolist()
        [[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]]
    """
    step = length / samples
    if samples < length:
        edges = np.arange(length + 1)
        starts = (np.arange(samples) * step)[:, None]
        weights = np.minimum(starts + step, edges[1:]) - np.maximum(starts, edges[:-1])
    else:
        centres = ((np.arange(samples) + 0.5) * step)[:, None]
        weights = 1 - np.abs(centres - (np.arange(length) + 0.5))
    weights = np.maximum(weights, 0)
    shares: Floats32 = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares
