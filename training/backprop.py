"""Loss and gradients, by hand, and the finite-difference check that keeps the hand honest.

How to read `backpropagate`. Training asks of every parameter: if it grew a little, by how much
would the loss grow? The chain rule answers layer by layer, from the loss backwards. Write
`delta` for the derivative of the loss by a layer's z, the sum before its activation. Then

    for z = x @ W + b :   dloss/dW = x.T @ delta      dloss/db = delta summed over the batch
    and for the layer below, whose output x was max(0, z') :
                          delta' = (delta @ W.T) where x > 0, and 0 elsewhere

The start of the chain is the softmax with the cross-entropy, whose derivatives, multiplied out,
leave something very simple: delta = (probabilities - targets) / B.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from model import Floats, Weights, forward

Loss: TypeAlias = Callable[[Weights], float]


def log_softmax(logits: Floats) -> Floats:
    """Take the logarithm of the softmax without taking a logarithm of zero.

    Args:
        logits: Finite scores, shape (B, 10).
    Returns:
        Log-probabilities, at most 0, same shape and dtype.
    Source: Blanchard, Higham and Higham 2021, doi:10.1093/imanum/draa038.
    """
    shifted: Floats = logits - logits.max(axis=-1, keepdims=True)
    logarithms: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logarithms


def cross_entropy(logits: Floats, targets: Floats) -> float:
    """Measure how surprised the network is by the truth.

    Args:
        logits: Finite scores, shape (B, 10).
        targets: Probabilities that were wanted, shape (B, 10); each row sums to 1.
    Returns:
        Mean over the batch, in nats, at least 0 for one-hot targets.
    """
    return float(-(targets * log_softmax(logits)).sum() / len(targets))


def backpropagate(weights: Weights, inputs: Floats, targets: Floats, gradient: Weights) -> float:
    """Compute the loss of a batch and its derivative by every parameter.

    Args:
        weights: The parameters.
        inputs: Pixels divided by 16, shape (B, 64), in [0, 1].
        targets: Probabilities that were wanted, shape (B, 10).
        gradient: Arrays that receive the derivatives; same shapes and dtype as `weights`.
    Returns:
        The mean cross-entropy of the batch, in nats.
    Source: Rumelhart, Hinton and Williams 1986, doi:10.1038/323533a0.
    """
    _, hidden_1, hidden_2, logits = forward(weights, inputs)
    log_probabilities = log_softmax(logits)  # (B, 10)

    delta_3 = np.exp(log_probabilities)  # (B, 10)
    delta_3 -= targets
    delta_3 /= len(targets)
    np.matmul(hidden_2.T, delta_3, out=gradient.W3)
    delta_3.sum(axis=0, out=gradient.b3)

    delta_2 = delta_3 @ weights.W3.T  # (B, 150)
    delta_2 *= hidden_2 > 0
    np.matmul(hidden_1.T, delta_2, out=gradient.W2)
    delta_2.sum(axis=0, out=gradient.b2)

    delta_1 = delta_2 @ weights.W2.T  # (B, 200)
    delta_1 *= hidden_1 > 0
    np.matmul(inputs.T, delta_1, out=gradient.W1)
    delta_1.sum(axis=0, out=gradient.b1)

    return -float(np.vdot(targets, log_probabilities)) / len(targets)


def check_gradient(
    loss: Loss, weights: Weights, gradient: Weights, *, entries: int = 300, step: float = 1e-6
) -> Iterator[tuple[str, float]]:
    """Hold a gradient against what the loss really does when a parameter moves.

    Args:
        loss: The loss as a function of the parameters.
        weights: Where to check, float64; moved and put back, entry by entry.
        gradient: The derivatives that are on trial.
        entries: How many entries of each array are tried, drawn at random; all of a smaller one.
        step: How far an entry is moved each way.
    Yields:
        Name of each array and its relative error, |a - n| / (|a| + |n|) in the Euclidean norm, in
        [0, 1]; below 1e-6 the two agree as far as float64 can tell.
    Source: central differences; LeCun, Bottou, Orr and Müller 1998, "Efficient BackProp".
    """
    rng = np.random.default_rng(0)
    for name, array, claimed in zip(Weights._fields, weights, gradient, strict=True):
        chosen = rng.choice(array.size, min(entries, array.size), replace=False)
        measured = np.array([_slope(loss, weights, array.reshape(-1), entry, step) for entry in chosen])
        analytic = claimed.reshape(-1)[chosen]
        scale = np.linalg.norm(analytic) + np.linalg.norm(measured)
        yield name, float(np.linalg.norm(analytic - measured) / scale) if scale else 0.0


def _slope(loss: Loss, weights: Weights, flat: Floats, entry: int, step: float) -> float:
    """Move one entry up and down, and see what the loss does."""
    original = flat[entry]
    flat[entry] = original + step
    above = loss(weights)
    flat[entry] = original - step
    below = loss(weights)
    flat[entry] = original
    return (above - below) / (2 * step)
