"""The notebook that it all came from, faults and all.

It trained the same 64-200-150-10 network on the same rows, one image at a time, and stopped at
70.5 %. Three faults in its gradient are why; each has a switch here, so that its cost can be
measured. Everything else is as it was: weights and biases from N(0, 0.1), learning rate 0.002, a
fresh permutation each iteration, the end when the loss rises or after 500 iterations. Arrays take
the place of its `np.matrix`, rows of its columns, and a seed of its chance.
"""

from collections.abc import Iterator
from dataclasses import astuple, dataclass

import numpy as np

from model import DIGITS, INK_MAX, WEIGHT_SHAPES, Floats, Weights, forward, softmax
from training.data import Rows

LEARNING_RATE = 0.002
MAX_ITERATIONS = 500
SPREAD = 0.1
SEED = 0

# What the notebook printed, every ten iterations and at its end.
SEED_TRACE = {
    0: 2888.894581,
    10: 2600.422070,
    20: 2356.892950,
    30: 2142.241244,
    40: 1945.488310,
    50: 1762.211274,
    60: 1589.618612,
    70: 1428.402029,
    80: 1285.198274,
    90: 1158.888344,
    100: 1044.405852,
    110: 958.829040,
    112: 955.495738,
}
SEED_ACCURACY = 0.7053872053872054


@dataclass(frozen=True)
class Faults:
    """Which of the notebook's three faults a gradient has.

    Args:
        softmax_twice: The delta of the output takes the softmax of what is a softmax already.
        divides_by_classes: That delta is divided by 10, the number of classes, as if it were the
            number of rows, of which there is one.
        relu_as_softmax: The second hidden layer is ReLU on the way forward and differentiated as
            if it were softmax.
    """

    softmax_twice: bool = False
    divides_by_classes: bool = False
    relu_as_softmax: bool = False

    def __str__(self) -> str:
        names = ("softmax taken twice", "divided by the classes", "ReLU taken for softmax")
        chosen = [name for name, present in zip(names, astuple(self), strict=True) if present]
        if len(chosen) == len(names):
            return "all three faults"
        return ", ".join(chosen) or "the right gradient"


NONE = Faults()
ALL = Faults(softmax_twice=True, divides_by_classes=True, relu_as_softmax=True)
CASES = (ALL, NONE, Faults(softmax_twice=True), Faults(divides_by_classes=True), Faults(relu_as_softmax=True))


@dataclass(frozen=True)
class Iteration:
    """What one pass over the rows has to say.

    Args:
        number: Which pass, from 0 as in the notebook.
        loss: Sum of the cross-entropies of its images, in nats.
        weights: The parameters after it; changed in place by the next.
    """

    number: int
    loss: float
    weights: Weights


def gradient(weights: Weights, inputs: Floats, label: int, faults: Faults) -> tuple[float, Weights]:
    """Differentiate the loss of one image the notebook's way.

    Args:
        weights: The parameters, float64.
        inputs: Pixels divided by 16, shape (64,), float64 in [0, 1].
        label: The digit that the image shows.
        faults: Which faults to commit.
    Returns:
        The cross-entropy, in nats, and its claimed derivatives.
    """
    _, hidden_1, hidden_2, logits = forward(weights, inputs)
    probabilities = softmax(logits)

    delta_3 = softmax(probabilities) if faults.softmax_twice else probabilities.copy()  # (10,)
    delta_3[label] -= 1
    if faults.divides_by_classes:
        delta_3 /= DIGITS

    slope_2 = (hidden_2 > 0).astype(np.float64)  # (150,)
    if faults.relu_as_softmax:
        squashed = softmax(hidden_1 @ weights.W2 + weights.b2)
        slope_2 = squashed * (1 - squashed)
    delta_2 = (weights.W3 @ delta_3) * slope_2  # (150,)
    delta_1 = (weights.W2 @ delta_2) * (hidden_1 > 0)  # (200,)

    loss = -float(np.log(probabilities[label]))
    return loss, Weights(
        np.outer(inputs, delta_1),
        delta_1,
        np.outer(hidden_1, delta_2),
        delta_2,
        np.outer(hidden_2, delta_3),
        delta_3,
    )


def draw_weights(random: np.random.RandomState) -> Weights:
    """Draw parameters as the notebook did, matrices first, then biases.

    Args:
        random: Source of randomness, the generator that NumPy had in 2019.
    Returns:
        float64 arrays from N(0, 0.1).
    """
    names = sorted(WEIGHT_SHAPES)  # W1 W2 W3 b1 b2 b3
    return Weights(**{name: random.normal(0, SPREAD, WEIGHT_SHAPES[name]) for name in names})


def run(
    rows: Rows, faults: Faults, *, seed: int = SEED, ends_when_loss_rises: bool = True
) -> Iterator[Iteration]:
    """Train as the notebook trained.

    Args:
        rows: The training rows.
        faults: Which faults the gradient has.
        seed: Decides weights and permutations.
        ends_when_loss_rises: The notebook's stop rule; without it all 500 iterations are run.
    Yields:
        Each iteration as it ends, the one in which the loss rose included.
    """
    random = np.random.RandomState(seed)
    weights = draw_weights(random)
    inputs = rows.pixels.astype(np.float64) / INK_MAX
    previous = np.inf
    for number in range(MAX_ITERATIONS):
        loss = 0.0
        for row in random.permutation(len(rows)):
            row_loss, slopes = gradient(weights, inputs[row], int(rows.labels[row]), faults)
            loss += row_loss
            for array, slope in zip(weights, slopes, strict=True):
                np.subtract(array, LEARNING_RATE * slope, out=array)
        yield Iteration(number, loss, weights)
        if ends_when_loss_rises and loss > previous:
            return
        previous = loss


def accuracy(weights: Weights, rows: Rows) -> float:
    """Count what a network reads correctly.

    Args:
        weights: The parameters, float64.
        rows: Images and their true digits.
    Returns:
        Share read correctly, in [0, 1].
    """
    read = forward(weights, rows.pixels / INK_MAX).logits.argmax(axis=1)
    return float((read == rows.labels).mean())
