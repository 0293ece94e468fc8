"""The gradient check: a gradient is compared with finite differences of the loss.

A derivative is the slope of the loss. Moving one parameter a little up and a little down measures this
slope without any calculus. The gradient of a correct formula agrees with the measured slopes to six digits
or more; the gradient of a wrong formula does not. `make gradients` checks our gradient and the notebook's.
"""

import numpy as np

from model import DIGITS, INK_MAX, Floats, Weights, forward
from training import notebook
from training.backprop import backpropagate, cross_entropy
from training.data import load_split, one_hot
from training.parameters import PARAMETER_COUNT, he_initialisation, views

ROWS = 8  # rows in the batch with which our gradient is checked
ENTRIES = 300  # number of entries to check in each array; an array with fewer entries is checked completely
STEP = 1e-6  # distance by which an entry is moved up and down
TOLERANCE = 1e-6  # a gradient whose relative error is smaller agrees with the finite differences


def relative_errors(weights: Weights, inputs: Floats, targets: Floats, gradient: Weights) -> dict[str, float]:
    """Compare a gradient of the loss with central differences, one parameter array at a time.

    Args:
        weights: The parameters at which the gradient was taken, float64. Each checked entry is moved
            in place and then restored.
        inputs: Pixels divided by 16, shape (B, 64), float64 in [0, 1].
        targets: Target probabilities, shape (B, 10), float64; each row sums to 1.
        gradient: The derivatives to check, float64.
    Returns:
        By the name of each array, its relative error |a - n| / (|a| + |n|), in [0, 1]. Here a is the
        gradient, n the central differences, and |.| the Euclidean norm. The entries are drawn at random.
        An error below 1e-6 is explained by rounding in float64.
    Source: central differences; LeCun, Bottou, Orr and Müller 1998, "Efficient BackProp".
    """
    rng, errors = np.random.default_rng(0), {}
    for name, array, derivatives in zip(Weights._fields, weights, gradient, strict=True):
        checked = rng.choice(array.size, min(ENTRIES, array.size), replace=False)
        numeric = np.array([_slope(weights, inputs, targets, array.reshape(-1), entry) for entry in checked])
        analytic = derivatives.reshape(-1)[checked]
        scale = np.linalg.norm(analytic) + np.linalg.norm(numeric)
        errors[name] = float(np.linalg.norm(analytic - numeric) / scale) if scale else 0.0
    return errors


def check_our_gradient() -> dict[str, float]:
    """Check `backpropagate` on a batch of the first training rows.

    Returns:
        The relative error of each array, by its name.
    """
    inputs, targets = _first_rows(ROWS)
    weights = views(he_initialisation(np.random.default_rng(0)).astype(np.float64))
    gradient = views(np.zeros(PARAMETER_COUNT))
    backpropagate(weights, inputs, targets, gradient)
    return relative_errors(weights, inputs, targets, gradient)


def check_notebook_gradient(faults: notebook.Faults = notebook.ALL_FAULTS) -> dict[str, float]:
    """Check the notebook's gradient on the first training row.

    Args:
        faults: The faults that the gradient has.
    Returns:
        The relative error of each array, by its name.
    """
    inputs, targets = _first_rows(1)
    weights = notebook.draw_weights(np.random.RandomState(notebook.SEED))
    _, gradient = notebook.loss_and_gradient(weights, inputs[0], int(targets.argmax()), faults)
    return relative_errors(weights, inputs, targets, gradient)


def _first_rows(count: int) -> tuple[Floats, Floats]:
    """Load the inputs and the targets of the first training rows, float64."""
    rows = load_split().training.take(np.arange(count))
    return rows.pixels.astype(np.float64) / INK_MAX, one_hot(rows.labels, DIGITS, np.float64)


def _slope(weights: Weights, inputs: Floats, targets: Floats, flat: Floats, entry: int) -> float:
    """Measure the slope of the loss along one entry of `flat`, a view of an array of `weights`."""
    original, losses = flat[entry], []
    for offset in (STEP, -STEP):
        flat[entry] = original + offset
        losses.append(cross_entropy(forward(weights, inputs).logits, targets))
    flat[entry] = original
    return (losses[0] - losses[1]) / (2 * STEP)
