"""The rows: scikit-learn's 1,797 digits, split as the notebook split them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import GroupKFold, train_test_split

from model import Floats, Floats32, as_pixels

TEST_SIZE = 0.33
SPLIT_SEED = 42
SPLIT = {
    "dataset": "sklearn.datasets.load_digits",
    "function": "sklearn.model_selection.train_test_split",
    "test_size": TEST_SIZE,
    "random_state": SPLIT_SEED,
}
FORMS = 14  # the 1,797 rows are 14 scanned forms of about 130 consecutive digits, a writer or so each


@dataclass(frozen=True, eq=False)
class Rows:
    """Images with what they show.

    Args:
        pixels: Shape (N, 64), float32 in [0, 16].
        labels: The digit that each image shows, shape (N,), int64 in 0…9.
        forms: The form that each image was cut from, shape (N,), int64 in 0…13.
    """

    pixels: Floats32
    labels: NDArray[np.int64]
    forms: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: NDArray[np.int64]) -> "Rows":
        """Pick rows.

        Args:
            index: Which ones, in which order, shape (M,).
        Returns:
            Copies of those rows.
        """
        return Rows(self.pixels[index], self.labels[index], self.forms[index])


@dataclass(frozen=True, eq=False)
class Split:
    """The rows to train on, and those that nothing but the last evaluation may see.

    Args:
        training: 1203 rows.
        held_out: 594 rows.
    """

    training: Rows
    held_out: Rows


def load_split() -> Split:
    """Load the digits and split them as the notebook did.

    Returns:
        The same split on every machine.
    Source: Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI Machine
        Learning Repository; its test part is what scikit-learn ships.
    """
    pixels, labels = load_digits(return_X_y=True)
    forms = np.arange(len(labels), dtype=np.int64) * FORMS // len(labels)
    rows = Rows(as_pixels(pixels), labels.astype(np.int64), forms)
    training, held_out = train_test_split(np.arange(len(rows)), test_size=TEST_SIZE, random_state=SPLIT_SEED)
    return Split(rows.take(training), rows.take(held_out))


def folds(rows: Rows, count: int) -> Iterator[tuple[Rows, Rows]]:
    """Divide rows for cross-validation, never one form on both sides.

    Neighbours on a form share a writer, and a writer is what random folds give away.

    Args:
        rows: Training rows.
        count: How many folds, 2…14.
    Yields:
        Rows to train on and rows to validate with.
    """
    for training, validation in GroupKFold(count).split(rows.pixels, groups=rows.forms):
        yield rows.take(training), rows.take(validation)


def one_hot(labels: NDArray[np.int64], classes: int, dtype: type[np.floating] = np.float32) -> Floats:
    """Write each label as a row with a single 1.

    Args:
        labels: Shape (N,), int64 in 0…classes - 1.
        classes: Width of a row.
        dtype: dtype of the answer.
    Returns:
        Shape (N, classes), zeros and ones.
    Example:
        >>> one_hot(np.array([2]), 3).tolist()
        [[0.0, 0.0, 1.0]]
    """
    return np.eye(classes, dtype=dtype)[labels]
