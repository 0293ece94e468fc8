"""The gradient check: a gradient is compared with finite differences of the loss.

A derivative is the slope of the loss. Moving one parameter a little up and a little down measures this
slope without any calculus. The gradient of a correct formula agrees with the measured slopes to six digits
or more; the gradient of a wrong formula does not. `make gradients` checks our gradient and the notebook's.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from model import DIGITS, INK_MAX, Floats, Weights, forward
from training import notebook
from training.backprop import backpropagate, cross_entropy
from training.data import load_split, one_hot
from training.parameters import PARAMETER_COUNT, he_initialisation, views

LossFunction: TypeAlias = Callable[[Weights], float]

TOLERANCE = 1e-6  # a gradient whose relative error is smaller agrees with the finite differences


def relative_errors(
    loss: LossFunction, weights: Weights, gradient: Weights, *, entries: int = 300, step: float = 1e-6
) -> Iterator[tuple[str, float]]:
    """Compare a gradient with central differences of the loss, one parameter array at a time.

    Args:
        loss: Computes the loss from the parameters.
        weights: The parameters at which the gradient was taken, float64. Each checked entry is moved
            in place and then restored.
        gradient: The derivatives to check, float64.
        entries: Number of entries to check in each array, drawn at random. An array with fewer entries
            is checked completely.
        step: Distance by which an entry is moved up and down.
    Yields:
        The name of each array and its relative error |a - n| / (|a| + |n|), in [0, 1]. Here a is the
        gradient, n the central differences, and |.| the Euclidean norm. An error below 1e-6 is explained
        by rounding in float64.
    Source: central differences; LeCun, Bottou, Orr and Müller 1998, "Efficient BackProp".
    """
    rng = np.random.default_rng(0)
    for name, array, derivatives in zip(Weights._fields, weights, gradient, strict=True):
        checked = rng.choice(array.size, min(entries, array.size), replace=False)
        numeric = np.array([_slope(loss, weights, array.reshape(-1), entry, step) for entry in checked])
        analytic = derivatives.reshape(-1)[checked]
        scale = np.linalg.norm(analytic) + np.linalg.norm(numeric)
        yield name, float(np.linalg.norm(analytic - numeric) / scale) if scale else 0.0


def check_our_gradient(rows: int = 8) -> dict[str, float]:
    """Check `backpropagate` on a batch of the first training rows.

    Args:
        rows: Number of rows in the batch.
    Returns:
        The relative error of each array, by its name.
    """
    batch = load_split().training.take(np.arange(rows))
    inputs = batch.pixels.astype(np.float64) / INK_MAX
    targets = one_hot(batch.labels, DIGITS, np.float64)
    weights = views(he_initialisation(np.random.default_rng(0)).astype(np.float64))
    gradient = views(np.zeros(PARAMETER_COUNT))
    backpropagate(weights, inputs, targets, gradient)
    return dict(relative_errors(_batch_loss(inputs, targets), weights, gradient))


def check_notebook_gradient(faults: notebook.Faults = notebook.ALL_FAULTS) -> dict[str, float]:
    """Check the notebook's gradient on the first training row.

    Args:
        faults: The faults that the gradient has.
    Returns:
        The relative error of each array, by its name.
    """
    row = load_split().training.take(np.arange(1))
    inputs = row.pixels.astype(np.float64) / INK_MAX
    targets = one_hot(row.labels, DIGITS, np.float64)
    weights = notebook.draw_weights(np.random.RandomState(notebook.SEED))
    _, gradient = notebook.loss_and_gradient(weights, inputs[0], int(row.labels[0]), faults)
    return dict(relative_errors(_batch_loss(inputs, targets), weights, gradient))


def _batch_loss(inputs: Floats, targets: Floats) -> LossFunction:
    """Make the loss of one batch a function of the parameters alone."""
    return lambda weights: cross_entropy(forward(weights, inputs).logits, targets)


def _slope(loss: LossFunction, weights: Weights, flat: Floats, entry: int, step: float) -> float:
    """Measure the slope of the loss along one entry of `flat`, a view of an array of `weights`."""
    original = flat[entry]
    flat[entry] = original + step
    loss_above = loss(weights)
    flat[entry] = original - step
    loss_below = loss(weights)
    flat[entry] = original
    return (loss_above - loss_below) / (2 * step)
