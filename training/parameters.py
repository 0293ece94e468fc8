"""All parameters of the network as one flat vector, and its six arrays as views into that vector.

The optimiser treats every parameter alike, so it works on the flat vector. The network needs arrays, so
it works on the views. Both share the same memory, and nothing is copied between them.
"""

from math import prod

import numpy as np

from model import WEIGHT_SHAPES, Floats, Floats32, Weights

SIZES = [prod(shape) for shape in WEIGHT_SHAPES.values()]  # number of parameters in each array
PARAMETER_COUNT = sum(SIZES)  # 44,660


def views(vector: Floats) -> Weights:
    """Split a flat vector into the arrays of the network, without copying it.

    Args:
        vector: All parameters, shape (44660,), contiguous: W1, b1, W2, b2, W3, b3, each matrix row by row.
    Returns:
        Six arrays that share the vector's memory.
    Example:
        >>> views(np.zeros(PARAMETER_COUNT)).W3.shape
        (150, 10)
    """
    parts = np.split(vector, np.cumsum(SIZES)[:-1])
    return Weights(*(part.reshape(shape) for part, shape in zip(parts, WEIGHT_SHAPES.values(), strict=True)))


def he_initialisation(rng: np.random.Generator) -> Floats32:
    """Draw initial parameters that suit a ReLU network.

    Args:
        rng: Source of randomness.
    Returns:
        Flat vector, shape (44660,), float32. Matrix entries come from N(0, 2 / fan-in); biases are 0.
    Source: He, Zhang, Ren and Sun 2015, doi:10.1109/ICCV.2015.123.
    """
    vector = np.zeros(PARAMETER_COUNT, dtype=np.float32)
    for array in views(vector):
        if array.ndim == 2:
            array[:] = rng.normal(0, np.sqrt(2 / len(array)), array.shape)
    return vector
