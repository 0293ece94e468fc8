"""The network: the 64 pixels of an image go in, ten probabilities come out.

Read this file from top to bottom. `Weights` holds the parameters. `affine`, `relu` and `softmax` are the
operations, and `forward` chains the layers. `Network` applies them with one set of weights. The last
three functions check untrusted images and weights.

    pixels / 16 → affine, ReLU → affine, ReLU → affine → softmax
    inputs        hidden_1       hidden_2       logits   probabilities
    (B, 64)       (B, 200)       (B, 150)       (B, 10)  (B, 10)

Dimension key for the arrays of the network:
    B    images in the batch
    64   pixels of an image: 8 rows of 8 pixels, row by row from the top left
    200  units of the first hidden layer
    150  units of the second hidden layer
    10   digits

Training is in `training/`, the file format in `artefact.py`, the HTTP service in `app/`.
Source: Goodfellow, Bengio and Courville 2016, "Deep Learning", chapter 6, on feedforward networks.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from model.errors import PixelRangeError, PixelShapeError, WeightsError

Floats: TypeAlias = NDArray[np.floating[Any]]
Floats32: TypeAlias = NDArray[np.float32]

IMAGE_SIDE = 8
PIXELS = IMAGE_SIDE * IMAGE_SIDE
INK_MIN = 0
INK_MAX = 16  # a pixel counts the foreground pixels in a 4×4 block of a 32×32 bitmap of the digit
# As arrays, because NumPy takes twice as long to compare with a Python number.
LEAST_INK, MOST_INK = np.array(float(INK_MIN)), np.array(float(INK_MAX))
HIDDEN_1 = 200
HIDDEN_2 = 150
DIGITS = 10
LAYER_SIZES = (PIXELS, HIDDEN_1, HIDDEN_2, DIGITS)


class Weights(NamedTuple):
    """The parameters of the network, from the first layer to the last.

    Each layer computes `z = x @ W + b`. Gradients have the same shapes, so they use this type too.
    """

    W1: Floats  # (64, 200)
    b1: Floats  # (200,)
    W2: Floats  # (200, 150)
    b2: Floats  # (150,)
    W3: Floats  # (150, 10)
    b3: Floats  # (10,)


WEIGHT_SHAPES: dict[str, tuple[int, ...]] = {
    "W1": (PIXELS, HIDDEN_1),
    "b1": (HIDDEN_1,),
    "W2": (HIDDEN_1, HIDDEN_2),
    "b2": (HIDDEN_2,),
    "W3": (HIDDEN_2, DIGITS),
    "b3": (DIGITS,),
}


class Activations(NamedTuple):
    """The output of every layer for one batch; back-propagation needs all of them."""

    hidden_1: Floats  # (B, 200), after ReLU
    hidden_2: Floats  # (B, 150), after ReLU
    logits: Floats  # (B, 10)


def affine(inputs: Floats, matrix: Floats, bias: Floats) -> Floats:
    """Multiply the inputs by a layer's weight matrix and add its bias.

    Args:
        inputs: Outputs of the previous layer, shape (B, n), or (n,) for a single image.
        matrix: Weight matrix, shape (n, m).
        bias: Bias of each unit, shape (m,).
    Returns:
        inputs @ matrix + bias, a new array of shape (B, m) or (m,).
    Example:
        >>> affine(np.array([1.0, 2.0]), np.array([[1.0, 0.0], [0.0, 10.0]]), np.array([0.5, 0.5])).tolist()
        [1.5, 20.5]
    """
    z: Floats = np.dot(inputs, matrix)  # for a single image `dot` has half of the overhead of `@`
    z += bias  # in place: for a large batch a second array costs more than the addition
    return z


def relu(z: Floats) -> Floats:
    """Replace negative values by zero, in place.

    Args:
        z: Unbounded values of any shape; changed in place.
    Returns:
        z itself, which now holds max(0, z).
    Source: Nair and Hinton 2010, "Rectified linear units improve restricted Boltzmann machines".
    """
    # An array of zeros, because NumPy takes three times as long to compare with a Python number.
    return np.maximum(z, np.zeros(z.shape[-1:], z.dtype), out=z)


def softmax(logits: Floats) -> Floats:
    """Turn logits into probabilities, row by row.

    Args:
        logits: Finite, unbounded scores, shape (..., n).
    Returns:
        Probabilities in [0, 1], same shape and dtype; each row sums to 1 (±1e-6).
    Source: shifted by the row's maximum so that exp never overflows; Blanchard, Higham and
        Higham 2021, doi:10.1093/imanum/draa038.
    Example:
        >>> softmax(np.array([0.0, 0.0])).tolist()
        [0.5, 0.5]
        >>> softmax(np.array([-120.0, 1000.0])).tolist()
        [0.0, 1.0]
    """
    shifted: Floats = logits - logits.max(axis=-1, keepdims=True)
    exponentials = np.exp(shifted, out=shifted)
    exponentials /= exponentials.sum(axis=-1, keepdims=True)
    return exponentials


def forward(weights: Weights, inputs: Floats) -> Activations:
    """Compute the output of every layer.

    Args:
        weights: The parameters, of the same dtype as the inputs.
        inputs: Pixels divided by 16, shape (B, 64) or (64,), in [0, 1]; or pixels in [0, 16], if W1 is divided by 16.
    Returns:
        The activations of all layers; `softmax` turns the logits into probabilities.
    """
    hidden_1 = relu(affine(inputs, weights.W1, weights.b1))  # (B, 200)
    hidden_2 = relu(affine(hidden_1, weights.W2, weights.b2))  # (B, 150)
    logits = affine(hidden_2, weights.W3, weights.b3)  # (B, 10)
    return Activations(hidden_1, hidden_2, logits)


@dataclass(frozen=True, eq=False)
class Network:
    """A network with its weights, ready to classify images; immutable, so threads can share it.

    Args:
        weights: float32 arrays of the shapes in `WEIGHT_SHAPES`; the network keeps copies.
    Raises:
        WeightsError: An array has the wrong shape or dtype, holds NaN or infinity, or is so large
            that some image would make the network overflow.
    """

    weights: Weights
    # W1 is divided by 16 here, so that pixels need no division. Dividing by a power of two rounds nothing.
    _pixel_weights: Weights = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_weights(self.weights)
        weights = Weights(*(array.copy(order="C") for array in self.weights))
        pixel_weights = weights._replace(W1=weights.W1 / np.float32(INK_MAX))
        for array in (*weights, pixel_weights.W1):
            array.flags.writeable = False
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "_pixel_weights", pixel_weights)

    def logits(self, pixels: Floats32) -> Floats32:
        """Compute a score for each digit.

        Args:
            pixels: Images, shape (B, 64) or (64,), float32 in [0, 16]; left unchanged.
        Returns:
            Finite, unbounded scores, shape (B, 10) or (10,), float32.
        """
        return forward(self._pixel_weights, pixels).logits.astype(np.float32, copy=False)

    def probabilities(self, pixels: Floats32) -> Floats32:
        """Compute the probability of each digit.

        Args:
            pixels: Images, shape (B, 64) or (64,), float32 in [0, 16]; left unchanged.
        Returns:
            Probabilities in [0, 1], shape (B, 10) or (10,), float32; each row sums to 1 (±1e-6).
        """
        return softmax(self.logits(pixels)).astype(np.float32, copy=False)


def validate_pixels(values: NDArray[Any]) -> Floats32:
    """Check the shape and the range of images and convert them to float32.

    Args:
        values: Images, shape (B, 64), any real dtype, in [0, 16]: 0 is background, 16 is full ink.
    Returns:
        A copy of the images as float32 in C order.
    Raises:
        PixelShapeError: The array has another shape.
        PixelRangeError: A pixel is out of range or NaN; the error names the first such pixel.
    Example:
        >>> validate_pixels(np.full((1, 64), 16)).dtype
        dtype('float32')
    """
    if values.ndim != 2 or values.shape[1] != PIXELS:
        raise PixelShapeError(f"images must have shape (B, {PIXELS}), not {values.shape}")
    # The check precedes the cast: 16.0000001 is out of range, but as float32 it would round to 16.
    # Comparisons with NaN are false, so NaN is not `in_range`.
    in_range = (values >= LEAST_INK) & (values <= MOST_INK)
    if np.count_nonzero(in_range) < in_range.size:  # for one image, this takes a third of the time of `all`
        row, pixel = divmod(int(in_range.argmin()), PIXELS)
        raise PixelRangeError(f"must be between {INK_MIN} and {INK_MAX}", row, pixel)
    return values.astype(np.float32, order="C")


def check_weights(weights: Weights) -> None:
    """Raise an error unless the arrays are valid parameters of this network.

    Args:
        weights: Arrays of any shape and dtype.
    Raises:
        WeightsError: An array is invalid in one of the ways that `Network` lists.
    """
    for name, array in zip(Weights._fields, weights, strict=True):
        if array.dtype != np.float32:
            raise WeightsError(f"{name} must be float32, not {array.dtype}")
        if array.shape != WEIGHT_SHAPES[name]:
            raise WeightsError(f"{name} must have shape {WEIGHT_SHAPES[name]}, not {array.shape}")
        if not np.isfinite(array).all():
            raise WeightsError(f"{name} holds NaN or infinity")
    # Half of the float32 range, because softmax subtracts two logits that may have opposite signs.
    if largest_preactivation(weights) > float(np.finfo(np.float32).max) / 2:
        raise WeightsError("W1 to b3 are so large that an image can make the network overflow")


def largest_preactivation(weights: Weights) -> float:
    """Compute an upper bound of the values that enter the activation functions, valid for every image.

    Args:
        weights: The parameters.
    Returns:
        An upper bound of |z| over all units of all layers and all inputs in [0, 1].
    Source: interval arithmetic with one interval [-r, r] for each unit; Moore 1966, "Interval Analysis".
    """
    bounds = np.ones(PIXELS)
    largest = 0.0
    for matrix, bias in zip(weights[::2], weights[1::2], strict=True):
        bounds = bounds @ np.abs(matrix, dtype=np.float64) + np.abs(bias)
        largest = max(largest, float(bounds.max()))
    return largest
