"""The network: an 8×8 image goes in, ten probabilities come out.

`forward` and `softmax` do the arithmetic; `Network` binds them to one set of weights, and
`validate_pixels` is the door through which untrusted numbers come in. What is left out on purpose:
training (`training/backprop.py`), files (`artefact.py`), HTTP (`app/`).

Dimension key, used in every shape of this project:
    B    images in the batch
    64   pixels of an image, 8 rows of 8, from the top left
    200  units of the first hidden layer
    150  units of the second
    10   digits
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
INK_MAX = 16  # a pixel counts the inked dots in a 4×4 block of the original scan
HIDDEN_1 = 200
HIDDEN_2 = 150
DIGITS = 10
LAYER_SIZES = (PIXELS, HIDDEN_1, HIDDEN_2, DIGITS)


class Weights(NamedTuple):
    """The parameters of the network, in the order in which the data meets them.

    A layer computes `z = x @ W + b`. A gradient has the same shapes, and so the same type.
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
    """What every layer answered on the way through, kept because training needs it."""

    inputs: Floats  # (B, 64)
    hidden_1: Floats  # (B, 200)
    hidden_2: Floats  # (B, 150)
    logits: Floats  # (B, 10)


def validate_pixels(values: NDArray[Any]) -> Floats32:
    """Check numbers of any numeric type and turn them into pixels.

    Args:
        values: Images, shape (B, 64), real numbers in [0, 16]: 0 is paper, 16 is ink.
    Returns:
        The same images as float32 in C order, always a copy.
    Raises:
        PixelShapeError: The array has another shape.
        PixelRangeError: A pixel is outside the bounds or NaN; the first one is named.
    Example:
        >>> validate_pixels(np.full((1, 64), 16)).dtype
        dtype('float32')
    """
    if values.ndim != 2 or values.shape[1] != PIXELS:
        raise PixelShapeError(f"images must have shape (B, {PIXELS}), not {values.shape}")
    # Compared before the cast: 16.0000001 is out of bounds and would round to 16 in float32.
    # Written so that NaN, which compares false with everything, is out of bounds too.
    inside = (values >= INK_MIN) & (values <= INK_MAX)
    if np.count_nonzero(inside) < inside.size:  # for one image a third of the time of `all`
        row, pixel = divmod(int(inside.argmin()), PIXELS)
        raise PixelRangeError(f"must be between {INK_MIN} and {INK_MAX}", row, pixel)
    return values.astype(np.float32, order="C")


def relu(z: Floats, out: Floats | None = None) -> Floats:
    """Cut off what is below zero.

    Args:
        z: Any shape, unbounded.
        out: Where to write the answer, z itself if it is not needed any more; None makes an array.
    Returns:
        max(0, z), same shape and dtype.
    Source: Nair and Hinton 2010, "Rectified linear units improve restricted Boltzmann
        machines".
    """
    # Against an array, because NumPy takes three times as long to compare with a number.
    return np.maximum(z, np.zeros(z.shape[-1:], z.dtype), out=out)


def softmax(logits: Floats) -> Floats:
    """Turn logits into probabilities, row by row.

    Args:
        logits: Finite, unbounded scores, shape (..., 10).
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


def affine(inputs: Floats, matrix: Floats, bias: Floats) -> Floats:
    """Multiply by a layer's weights and add its bias.

    Args:
        inputs: Shape (B, n) or (n,).
        matrix: Shape (n, m).
        bias: Shape (m,).
    Returns:
        inputs @ matrix + bias, a new array of shape (B, m) or (m,).
    """
    z: Floats = np.dot(inputs, matrix)  # for a single image it has half of the overhead of `@`
    z += bias  # in place here and in `forward`: a second array of a large batch costs more than the sum
    return z


def forward(weights: Weights, inputs: Floats) -> Activations:
    """Send a batch through the layers.

    Args:
        weights: The parameters; their dtype is the dtype of the answer.
        inputs: Pixels divided by 16, shape (B, 64) or (64,), in [0, 1].
    Returns:
        The activations of every layer; the last are the logits.
    """
    hidden_1 = affine(inputs, weights.W1, weights.b1)  # (B, 200)
    relu(hidden_1, out=hidden_1)
    hidden_2 = affine(hidden_1, weights.W2, weights.b2)  # (B, 150)
    relu(hidden_2, out=hidden_2)
    logits = affine(hidden_2, weights.W3, weights.b3)  # (B, 10)
    return Activations(inputs, hidden_1, hidden_2, logits)


def largest_logit(weights: Weights) -> float:
    """Bound what any unit can reach, whatever image comes in.

    Args:
        weights: The parameters.
    Returns:
        An upper bound of |z| over all units of all layers and all inputs in [0, 1].
    Source: interval arithmetic, one interval [-r, r] a unit; Moore 1966, "Interval Analysis".
    """
    reach = np.ones(PIXELS)
    largest = 0.0
    for matrix, bias in zip(weights[::2], weights[1::2], strict=True):
        reach = reach @ np.abs(matrix, dtype=np.float64) + np.abs(bias)
        largest = max(largest, float(reach.max()))
    return largest


@dataclass(frozen=True, eq=False)
class Network:
    """One set of weights, ready to answer; immutable, and safe to share between threads.

    Args:
        weights: float32 arrays of the shapes in `WEIGHT_SHAPES`; they are copied.
    Raises:
        WeightsError: An array has the wrong shape or dtype, holds NaN or infinity, or is so
            large that some image would make the network overflow.
    """

    weights: Weights
    # With W1 divided by 16, so that pixels need not be. By a power of two nothing is rounded otherwise.
    _for_pixels: Weights = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_weights(self.weights)
        frozen = Weights(*(array.copy(order="C") for array in self.weights))
        for_pixels = frozen._replace(W1=frozen.W1 / np.float32(INK_MAX))
        for array in (*frozen, for_pixels.W1):
            array.flags.writeable = False
        object.__setattr__(self, "weights", frozen)
        object.__setattr__(self, "_for_pixels", for_pixels)

    def logits(self, pixels: Floats32) -> Floats32:
        """Score each digit.

        Args:
            pixels: Shape (B, 64) or (64,), float32 in [0, 16]; never changed.
        Returns:
            Finite, unbounded scores, shape (B, 10) or (10,), float32.
        """
        return forward(self._for_pixels, pixels).logits.astype(np.float32, copy=False)

    def probabilities(self, pixels: Floats32) -> Floats32:
        """Say how likely each digit is.

        Args:
            pixels: Shape (B, 64) or (64,), float32 in [0, 16]; never changed.
        Returns:
            Shape (B, 10) or (10,), float32 in [0, 1]; each row sums to 1 (±1e-6).
        """
        return softmax(self.logits(pixels)).astype(np.float32, copy=False)


def check_weights(weights: Weights) -> None:
    """Refuse arrays that are not the parameters of this network.

    Args:
        weights: Arrays of any shape and dtype.
    Raises:
        WeightsError: As `Network` documents it.
    """
    for name, array in zip(Weights._fields, weights, strict=True):
        if array.dtype != np.float32:
            raise WeightsError(f"{name} must be float32, not {array.dtype}")
        if array.shape != WEIGHT_SHAPES[name]:
            raise WeightsError(f"{name} must have shape {WEIGHT_SHAPES[name]}, not {array.shape}")
        if not np.isfinite(array).all():
            raise WeightsError(f"{name} holds NaN or infinity")
    # Half of the range, because softmax subtracts two logits of opposite sign.
    if largest_logit(weights) > float(np.finfo(np.float32).max) / 2:
        raise WeightsError("W1 to b3 are so large that an image can make the network overflow")
