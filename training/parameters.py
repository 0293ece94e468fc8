"""All parameters as one flat vector, and the six arrays as views into it.

An optimiser treats every parameter alike, so it works on the vector; the network sees the views.
Both are the same memory: nothing is copied between them.
"""

from math import prod

import numpy as np

from model import WEIGHT_SHAPES, Floats, Floats32, Weights

COUNT = sum(prod(shape) for shape in WEIGHT_SHAPES.values())  # 44,660


def views(vector: Floats) -> Weights:
    """Cut a flat vector into the arrays of the network.

    Args:
        vector: Shape (44660,), C order.
    Returns:
        Six arrays that share the vector's memory.
    Example:
        >>> views(np.zeros(COUNT)).W3.shape
        (150, 10)
    """
    arrays, start = [], 0
    for shape in WEIGHT_SHAPES.values():
        arrays.append(vector[start : start + prod(shape)].reshape(shape))
        start += prod(shape)
    return Weights(*arrays)


def he_initialisation(rng: np.random.Generator) -> Floats32:
    """Draw parameters with which a ReLU network starts well.

    Args:
        rng: Source of randomness.
    Returns:
        Flat vector, shape (44660,), float32: matrices from N(0, 2 / fan-in), biases 0.
    Source: He, Zhang, Ren and Sun 2015, doi:10.1109/ICCV.2015.123.
    """
    vector = np.zeros(COUNT, dtype=np.float32)
    for array in views(vector):
        if array.ndim == 2:
            array[:] = rng.normal(0, np.sqrt(2 / len(array)), array.shape)
    return vector
