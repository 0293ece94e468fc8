"""Slow, obvious reference implementations that several test modules compare with."""

import math

from model import INK_MAX, LAYER_SIZES


def slow_probabilities(weights, pixels):
    """Compute the network's probabilities for one image with loops over Python's float64 numbers."""
    x = [float(pixel) / INK_MAX for pixel in pixels]
    for layer, (matrix, bias) in enumerate(zip(weights[::2], weights[1::2], strict=True)):
        z = [math.fsum(x[i] * float(matrix[i, j]) for i in range(len(x))) + float(bias[j]) for j in range(len(bias))]
        x = z if layer == len(LAYER_SIZES) - 2 else [max(0.0, value) for value in z]
    exponentials = [math.exp(value - max(x)) for value in x]
    return [value / math.fsum(exponentials) for value in exponentials]
