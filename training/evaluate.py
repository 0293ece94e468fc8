"""How well a network reads: accuracy, log-loss, calibration and confusion."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model import DIGITS, Floats, Floats32, HeldOutMetrics, Network
from training.data import Rows

BINS = 15  # of the calibration error, as in Guo et al. 2017
RESAMPLES = 2000


def evaluate(network: Network, rows: Rows) -> HeldOutMetrics:
    """Score a network on rows that it was not trained on.

    Args:
        network: The network.
        rows: Images and their true digits.
    Returns:
        The figures of a card.
    """
    return score(rows.labels, network.probabilities(rows.pixels))


def score(labels: NDArray[np.int64], probabilities: Floats32) -> HeldOutMetrics:
    """Score answers.

    Args:
        labels: True digits, shape (N,), N at least 1.
        probabilities: What was answered, shape (N, 10).
    Returns:
        The figures of a card.
    """
    counts = confusion(labels, probabilities.argmax(axis=1))
    return HeldOutMetrics(
        rows=len(labels),
        accuracy=int(counts.trace()) / len(labels),
        log_loss=log_loss(labels, probabilities),
        calibration_error=calibration_error(labels, probabilities),
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
    return abs(float(np.log(np.maximum(given, np.finfo(np.float32).tiny)).mean()))


@dataclass(frozen=True)
class Bin:
    """The images whose digit was read with about the same probability.

    Args:
        rows: How many there are.
        confidence: Mean probability of the digit read, in [0, 1]; 0 if there are none.
        accuracy: Share of them read correctly, in [0, 1]; 0 if there are none.
    """

    rows: int
    confidence: float
    accuracy: float


def reliability(labels: NDArray[np.int64], probabilities: Floats) -> list[Bin]:
    """Group images by the probability of the digit read.

    Args:
        labels: True digits, shape (N,).
        probabilities: Shape (N, 10).
    Returns:
        15 bins of equal width.
    Source: Guo, Pleiss, Sun and Weinberger 2017, arXiv:1706.04599.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    rows = np.bincount(place, minlength=BINS)
    sums = (np.bincount(place, weights=values, minlength=BINS) for values in (confidence, right))
    means = (total / np.maximum(rows, 1) for total in sums)
    return [Bin(*one) for one in zip(rows.tolist(), *(mean.tolist() for mean in means), strict=True)]


def calibration_error(labels: NDArray[np.int64], probabilities: Floats) -> float:
    """Measure how far confidence is from accuracy.

    Args:
        labels: True digits, shape (N,).
        probabilities: Shape (N, 10).
    Returns:
        Expected calibration error over 15 bins of equal width, in [0, 1].
    Source: Guo, Pleiss, Sun and Weinberger 2017, arXiv:1706.04599.
    """
    bins = reliability(labels, probabilities)
    return sum(one.rows * abs(one.confidence - one.accuracy) for one in bins) / len(labels)


class Interval(NamedTuple):
    """Where a figure lies with 95 % confidence, as far as the number of images is to blame."""

    low: float
    high: float


def accuracy_interval(correct: int, rows: int) -> Interval:
    """Say how far chance may have moved an accuracy.

    Args:
        correct: Images read correctly, at most `rows`.
        rows: Images read.
    Returns:
        95 % interval of the accuracy, in [0, 1].
    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953.
    Example:
        >>> [round(bound, 3) for bound in accuracy_interval(90, 100)]
        [0.826, 0.945]
    """
    z = NormalDist().inv_cdf(0.975)
    share, weight = correct / rows, z * z / rows
    half = math.sqrt(weight * (share * (1 - share) + weight / 4))
    return Interval(*((share + weight / 2 + side * half) / (1 + weight) for side in (-1, 1)))


def log_loss_interval(labels: NDArray[np.int64], probabilities: Floats32) -> Interval:
    """Say how far chance may have moved a log-loss.

    Args:
        labels: True digits, shape (N,).
        probabilities: Shape (N, 10), float32.
    Returns:
        95 % interval, in nats, over 2000 draws of N rows with replacement.
    Source: Efron 1979, doi:10.1214/aos/1176344552, percentile method.
    """
    rng = np.random.default_rng(0)
    draws = (rng.integers(0, len(labels), len(labels)) for _ in range(RESAMPLES))
    losses = [log_loss(labels[rows], probabilities[rows]) for rows in draws]
    return Interval(*np.quantile(losses, [0.025, 0.975]).tolist())
