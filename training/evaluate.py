"""Metrics of a network: accuracy, log-loss, calibration, confusion matrix and confidence intervals."""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model import DIGITS, Floats, Floats32, Metrics, Network
from training.data import Rows

BINS = 15  # of the calibration error, as in Guo et al. 2017
BOOTSTRAP_DRAWS = 2000


def evaluate(network: Network, rows: Rows) -> Metrics:
    """Compute the metrics of a network on rows.

    Args:
        network: The network.
        rows: Images and their true digits.
    Returns:
        Number of rows, accuracy, log-loss, calibration error and confusion matrix.
    """
    return score(rows.labels, network.probabilities(rows.pixels))


def score(labels: NDArray[np.int64], probabilities: Floats32) -> Metrics:
    """Compute the metrics of predictions.

    Args:
        labels: True digits, shape (N,), int64 in 0…9; N is at least 1.
        probabilities: Predicted probabilities, shape (N, 10), float32.
    Returns:
        Number of rows, accuracy, log-loss, calibration error and confusion matrix.
    """
    counts = confusion_matrix(labels, probabilities.argmax(axis=1))
    return Metrics(
        rows=len(labels),
        accuracy=int(counts.trace()) / len(labels),
        log_loss=log_loss(labels, probabilities),
        calibration_error=calibration_error(labels, probabilities),
        confusion=tuple(map(tuple, counts.tolist())),
    )


def confusion_matrix(labels: NDArray[np.int64], predicted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the images by true digit and predicted digit.

    Args:
        labels: True digits, shape (N,), int64 in 0…9.
        predicted: Predicted digits, shape (N,), int64 in 0…9.
    Returns:
        Counts, shape (10, 10), int64; the row is the true digit, the column the predicted digit.
    """
    counts = np.zeros((DIGITS, DIGITS), dtype=np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def log_loss(labels: NDArray[np.int64], probabilities: Floats32) -> float:
    """Compute the mean of -log of the probability of the true digit.

    Args:
        labels: True digits, shape (N,), int64 in 0…9.
        probabilities: Predicted probabilities, shape (N, 10), float32.
    Returns:
        The log-loss in nats, at least 0. A probability of 0 counts as the smallest normal float32.
    """
    of_true_digit = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return abs(float(np.log(np.maximum(of_true_digit, np.finfo(np.float32).tiny)).mean()))


class ReliabilityBin(NamedTuple):
    """The images whose predicted digit has a probability within one interval of width 1/15.

    Args:
        rows: Number of images.
        confidence: Mean probability of the predicted digits, in [0, 1]; 0 if there are no images.
        accuracy: Share of the images that are classified correctly, in [0, 1]; 0 if there are none.
    """

    rows: int
    confidence: float
    accuracy: float


def reliability_bins(labels: NDArray[np.int64], probabilities: Floats) -> list[ReliabilityBin]:
    """Group images by the probability of the predicted digit.

    Args:
        labels: True digits, shape (N,), int64.
        probabilities: Predicted probabilities, shape (N, 10).
    Returns:
        15 bins of equal width.
    Source: Guo, Pleiss, Sun and Weinberger 2017, arXiv:1706.04599.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    is_correct = probabilities.argmax(axis=1) == labels
    bin_of_image = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    rows = np.bincount(bin_of_image, minlength=BINS)
    sums = (np.bincount(bin_of_image, weights=values, minlength=BINS) for values in (confidence, is_correct))
    means = ((total / np.maximum(rows, 1)).tolist() for total in sums)
    return [ReliabilityBin(*values) for values in zip(rows.tolist(), *means, strict=True)]


def calibration_error(labels: NDArray[np.int64], probabilities: Floats) -> float:
    """Compute the expected calibration error, the mean distance of confidence from accuracy.

    Args:
        labels: True digits, shape (N,), int64.
        probabilities: Predicted probabilities, shape (N, 10).
    Returns:
        The error over 15 bins of equal width, in [0, 1].
    Source: Guo, Pleiss, Sun and Weinberger 2017, arXiv:1706.04599.
    """
    bins = reliability_bins(labels, probabilities)
    return sum(bin_.rows * abs(bin_.confidence - bin_.accuracy) for bin_ in bins) / len(labels)


class Interval(NamedTuple):
    """A 95 % confidence interval of a metric. It only accounts for the random choice of the images."""

    low: float
    high: float


def accuracy_interval(correct: int, rows: int) -> Interval:
    """Compute the confidence interval of an accuracy.

    Args:
        correct: Number of images that are classified correctly, at most `rows`.
        rows: Number of images, at least 1.
    Returns:
        The 95 % interval of the accuracy, in [0, 1].
    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953.
    Example:
        >>> [round(bound, 3) for bound in accuracy_interval(90, 100)]
        [0.826, 0.945]
    """
    z = NormalDist().inv_cdf(0.975)
    share, z2_per_row = correct / rows, z * z / rows
    half_width = math.sqrt(z2_per_row * (share * (1 - share) + z2_per_row / 4))
    return Interval(*((share + z2_per_row / 2 + side * half_width) / (1 + z2_per_row) for side in (-1, 1)))


def log_loss_interval(labels: NDArray[np.int64], probabilities: Floats32) -> Interval:
    """Compute the confidence interval of a log-loss by bootstrap.

    Args:
        labels: True digits, shape (N,), int64 in 0…9.
        probabilities: Predicted probabilities, shape (N, 10), float32.
    Returns:
        The 95 % interval in nats, from 2000 draws of N rows with replacement.
    Source: Efron 1979, doi:10.1214/aos/1176344552, percentile method.
    """
    rng = np.random.default_rng(0)
    draws = (rng.integers(0, len(labels), len(labels)) for _ in range(BOOTSTRAP_DRAWS))
    losses = [log_loss(labels[rows], probabilities[rows]) for rows in draws]
    return Interval(*np.quantile(losses, [0.025, 0.975]).tolist())
