"""The notebook of 2019 from which this project comes, with the three faults of its gradient.

It trained the same 64-200-150-10 network on the same rows, one image at a time, and reached an accuracy
of 70.5 %. Three faults in its gradient are the reason. Each fault has a switch here, so that its cost
can be measured. Everything else is as it was:

- weights and biases drawn from a normal distribution with mean 0 and standard deviation 0.1,
- a learning rate of 0.002,
- a fresh permutation of the rows in each iteration,
- a stop after the first iteration whose loss rises, or after 500 iterations.

Arrays replace the notebook's `np.matrix`, and row vectors replace its column vectors. The notebook had no random
seed; here each run has one.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from model import DIGITS, INK_MAX, WEIGHT_SHAPES, Floats, Weights, forward, softmax
from training.data import Rows

LEARNING_RATE = 0.002
MAX_ITERATIONS = 500
INITIAL_DEVIATION = 0.1
SEED = 0

# The losses that the notebook printed, by iteration: every tenth, and the last.
NOTEBOOK_LOSSES = {
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
NOTEBOOK_ACCURACY = 0.7053872053872054  # on the held-out rows


class Faults(NamedTuple):
    """The faults that a gradient has, out of the three of the notebook.

    Args:
        softmax_twice: The delta of the output layer is computed from softmax(probabilities), although
            the probabilities are a softmax already.
        divides_by_classes: The delta of the output layer is divided by 10, the number of classes. It
            should be divided by the number of rows in the batch, which is 1.
        relu_as_softmax: The second hidden layer uses ReLU in the forward pass, but the backward pass
            uses the derivative of a softmax.
    """

    softmax_twice: bool = False
    divides_by_classes: bool = False
    relu_as_softmax: bool = False

    def __str__(self) -> str:
        names = ("softmax taken twice", "divided by the classes", "ReLU taken for softmax")
        present = [name for name, is_present in zip(names, self, strict=True) if is_present]
        if len(present) == len(names):
            return "all three faults"
        return ", ".join(present) or "the right gradient"


NO_FAULTS = Faults()
ALL_FAULTS = Faults(softmax_twice=True, divides_by_classes=True, relu_as_softmax=True)
CASES = (
    ALL_FAULTS,
    NO_FAULTS,
    Faults(softmax_twice=True),
    Faults(divides_by_classes=True),
    Faults(relu_as_softmax=True),
)


class Iteration(NamedTuple):
    """The result of one pass over the training rows.

    Args:
        number: Number of the iteration, from 0 as in the notebook.
        loss: Sum of the cross-entropies of all its images, in nats.
        weights: The parameters after the iteration. The next iteration changes them in place.
    """

    number: int
    loss: float
    weights: Weights


def loss_and_gradient(weights: Weights, inputs: Floats, label: int, faults: Faults) -> tuple[float, Weights]:
    """Compute the loss of one image, and its gradient the way the notebook did.

    Args:
        weights: The parameters, float64.
        inputs: Pixels divided by 16, shape (64,), float64 in [0, 1].
        label: The digit that the image shows, in 0…9.
        faults: The faults that the gradient has.
    Returns:
        The cross-entropy in nats, and its gradient, float64. With any fault the gradient is wrong.
    """
    hidden_1, hidden_2, logits = forward(weights, inputs)
    probabilities = softmax(logits)

    # Layer 3: softmax and cross-entropy.
    delta_3 = softmax(probabilities) if faults.softmax_twice else probabilities.copy()  # (10,)
    delta_3[label] -= 1
    if faults.divides_by_classes:
        delta_3 /= DIGITS

    # Layer 2: ReLU.
    derivative_2 = (hidden_2 > 0).astype(np.float64)  # (150,)
    if faults.relu_as_softmax:
        softmax_2 = softmax(hidden_1 @ weights.W2 + weights.b2)
        derivative_2 = softmax_2 * (1 - softmax_2)
    delta_2 = (weights.W3 @ delta_3) * derivative_2  # (150,)

    # Layer 1: ReLU.
    delta_1 = (weights.W2 @ delta_2) * (hidden_1 > 0)  # (200,)

    loss = -float(np.log(probabilities[label]))
    return loss, Weights(
        W1=np.outer(inputs, delta_1),
        b1=delta_1,
        W2=np.outer(hidden_1, delta_2),
        b2=delta_2,
        W3=np.outer(hidden_2, delta_3),
        b3=delta_3,
    )


def draw_weights(random: np.random.RandomState) -> Weights:
    """Draw the initial parameters as the notebook did: first the matrices, then the biases.

    Args:
        random: Source of randomness: the generator that NumPy had in 2019.
    Returns:
        float64 arrays, normally distributed with mean 0 and standard deviation 0.1.
    """
    names = sorted(WEIGHT_SHAPES)  # W1 W2 W3 b1 b2 b3
    return Weights(**{name: random.normal(0, INITIAL_DEVIATION, WEIGHT_SHAPES[name]) for name in names})


def train(rows: Rows, faults: Faults, *, seed: int = SEED, stops_early: bool = True) -> Iterator[Iteration]:
    """Train a network as the notebook did.

    Args:
        rows: The training rows.
        faults: The faults that the gradient has.
        seed: Seed of the initial weights and the permutations.
        stops_early: True stops when the loss has risen, as the notebook did. False runs all 500
            iterations.
    Yields:
        Each iteration when it ends, including the one in which the loss rose.
    """
    random = np.random.RandomState(seed)
    weights = draw_weights(random)
    inputs = rows.pixels.astype(np.float64) / INK_MAX
    previous_loss = np.inf
    for number in range(MAX_ITERATIONS):
        loss = 0.0
        for row in random.permutation(len(rows)):
            row_loss, gradient = loss_and_gradient(weights, inputs[row], int(rows.labels[row]), faults)
            loss += row_loss
            for array, derivatives in zip(weights, gradient, strict=True):
                np.subtract(array, LEARNING_RATE * derivatives, out=array)
        yield Iteration(number, loss, weights)
        if stops_early and loss > previous_loss:
            return
        previous_loss = loss


def accuracy(weights: Weights, rows: Rows) -> float:
    """Measure the accuracy of a network.

    Args:
        weights: The parameters, float64.
        rows: Images and their true digits.
    Returns:
        Share of the images that are classified correctly, in [0, 1].
    """
    predicted = forward(weights, rows.pixels / INK_MAX).logits.argmax(axis=1)
    return float((predicted == rows.labels).mean())
