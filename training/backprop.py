"""The loss of the network and its gradient, derived by hand.

The gradient tells, for every parameter, how fast the loss grows when that parameter grows. The chain
rule computes it layer by layer, from the loss back to the input. Write `delta` for the derivative of
the loss by a layer's z, the sum before its activation. Then, for each layer:

    forward     z = x @ W + b                       x is the layer's input, shape (B, n)
    backward    dloss/dW = x.T @ delta              same shape as W
                dloss/db = delta.sum(axis=0)        same shape as b

The input x of the layer is the output of the layer below, x = max(0, z_below). This gives its delta:

    delta_below = (delta @ W.T) where x > 0, and 0 elsewhere

The chain starts at the last layer, which has softmax and cross-entropy. Multiplied out, their
derivatives simplify to

    delta = (probabilities - targets) / B

`gradient_check.py` compares this gradient with finite differences of the loss.
"""

import numpy as np

from model import Floats, Weights, forward


def log_softmax(logits: Floats) -> Floats:
    """Compute the logarithm of the softmax, row by row.

    Args:
        logits: Finite, unbounded scores, shape (B, 10).
    Returns:
        Log-probabilities, at most 0, same shape and dtype. They are finite even where the probability
        itself rounds to 0.
    Source: Blanchard, Higham and Higham 2021, doi:10.1093/imanum/draa038.
    Example:
        >>> log_softmax(np.array([[0.0, 1000.0]])).tolist()
        [[-1000.0, 0.0]]
    """
    shifted: Floats = logits - logits.max(axis=-1, keepdims=True)
    log_probabilities: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return log_probabilities


def cross_entropy(logits: Floats, targets: Floats) -> float:
    """Compute the loss of a batch, the mean cross-entropy between targets and predictions.

    Args:
        logits: Finite, unbounded scores, shape (B, 10).
        targets: Target probabilities, shape (B, 10); each row sums to 1.
    Returns:
        The mean over the batch, in nats, at least 0.
    """
    return float(-(targets * log_softmax(logits)).sum() / len(targets))


def backpropagate(weights: Weights, inputs: Floats, targets: Floats, gradient: Weights) -> float:
    """Compute the loss of a batch and its derivative by every parameter.

    Args:
        weights: The parameters of the network.
        inputs: Pixels divided by 16, shape (B, 64), in [0, 1].
        targets: Target probabilities, shape (B, 10); each row sums to 1.
        gradient: Arrays into which the derivatives are written; same shapes and dtype as `weights`.
    Returns:
        The mean cross-entropy of the batch, in nats.
    Source: Rumelhart, Hinton and Williams 1986, doi:10.1038/323533a0.
    """
    hidden_1, hidden_2, logits = forward(weights, inputs)
    log_probabilities = log_softmax(logits)  # (B, 10)

    # Layer 3: softmax and cross-entropy.
    delta_3 = np.exp(log_probabilities)  # (B, 10)
    delta_3 -= targets
    delta_3 /= len(targets)
    np.matmul(hidden_2.T, delta_3, out=gradient.W3)
    delta_3.sum(axis=0, out=gradient.b3)

    # Layer 2: ReLU.
    delta_2 = delta_3 @ weights.W3.T  # (B, 150)
    delta_2 *= hidden_2 > 0
    np.matmul(hidden_1.T, delta_2, out=gradient.W2)
    delta_2.sum(axis=0, out=gradient.b2)

    # Layer 1: ReLU.
    delta_1 = delta_2 @ weights.W2.T  # (B, 200)
    delta_1 *= hidden_1 > 0
    np.matmul(inputs.T, delta_1, out=gradient.W1)
    delta_1.sum(axis=0, out=gradient.b1)

    return -float(np.vdot(targets, log_probabilities)) / len(targets)
