"""How well a network reads: accuracy, log-loss, calibration and confusion."""

import numpy as np
from numpy.typing import NDArray

from model import DIGITS, Floats, Floats32, HeldOut, Network
from training.data import Rows

BINS = 15  # of the calibration error, as in Guo et al. 2017


def evaluate(network: Network, rows: Rows) -> HeldOut:
    """Score a network on rows that it was not trained on.

    Args:
        network: The network.
        rows: Images and their true digits.
    Returns:
        The figures of a card.
    """
    probabilities = network.probabilities(rows.pixels)
    counts = confusion(rows.labels, probabilities.argmax(axis=1))
    return HeldOut(
        rows=len(rows),
        accuracy=int(counts.trace()) / len(rows),
        log_loss=log_loss(rows.labels, probabilities),
        calibration_error=calibration_error(rows.labels, probabilities),
        confusion=tuple(map(tuple, counts.tolist())),
    )


def confusion(labels: NDArray[np.int64], read: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count which digit was read as which.

    Args:
        labels: True digits, shape (N,), in 0…9.
        read: Digits that were read, shape (N,), in 0…9.
    Returns:
        Counts, shape (10, 10), int64; the row is the true digit, the column the one read.
    """
    counts = np.zeros((DIGITS, DIGITS), dtype=np.int64)
    np.add.at(counts, (labels, read), 1)
    return counts


def log_loss(labels: NDArray[np.int64], probabilities: Floats32) -> float:
    """Measure how little probability the truth was given.

    Args:
        labels: True digits, shape (N,).
        probabilities: Shape (N, 10), float32.
    Returns:
        Mean of -log p(truth), in nats; a probability of 0 counts as the smallest float32.
    """
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(given, np.finfo(np.float32).tiny)).mean())


def calibration_error(labels: NDArray[np.int64], probabilities: Floats) -> float:
    """Measure how far confidence is from accuracy.

    Args:
        labels: True digits, shape (N,).
        probabilities: Shape (N, 10).
    Returns:
        Expected calibration error over 15 bins of equal width, in [0, 1].
    Source: Guo, Pleiss, Sun and Weinberger 2017, arXiv:1706.04599.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(labels))
