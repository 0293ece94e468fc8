"""The data: scikit-learn's 1,797 digits with the notebook's split, or rows from a CSV file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import GroupKFold, train_test_split

from model import DIGITS, PIXELS, Floats, Floats32, PixelRangeError, validate_pixels

SPLIT_OPTIONS = {"test_size": 0.33, "random_state": 42}
# How `load_split` splits the data set, as the card records it.
SPLIT_DESCRIPTION = {
    "dataset": "sklearn.datasets.load_digits",
    "function": "sklearn.model_selection.train_test_split",
    **SPLIT_OPTIONS,
}
# The 1,797 rows come from 14 scanned forms of about 130 consecutive digits, each probably filled in by one writer.
FORMS = 14


class DataError(Exception):
    """An input file or an output folder cannot be used; the message gives the reason."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Images with their true digits.

    Args:
        pixels: Images, shape (N, 64), float32 in [0, 16].
        labels: The digit that each image shows, shape (N,), int64 in 0…9.
        forms: Number of the scanned form of each image, estimated from the position of its row, shape (N,), int64
            in 0…13.
    """

    pixels: Floats32
    labels: NDArray[np.int64]
    forms: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: NDArray[np.int64]) -> "Rows":
        """Select rows.

        Args:
            index: Numbers of the rows, in the order of the result, shape (M,), int64.
        Returns:
            Copies of those rows.
        """
        return Rows(self.pixels[index], self.labels[index], self.forms[index])


@dataclass(frozen=True, eq=False)
class Split:
    """The data set, divided into training rows and held-out rows.

    Args:
        training: 1203 rows. The network is trained with them, and the hyper-parameters are chosen with them.
        held_out: 594 rows. No network is trained with them; they measure the finished network.
    """

    training: Rows
    held_out: Rows


def load_split() -> Split:
    """Load the digits and split them as the notebook did.

    Returns:
        The same split on every machine.
    Source: Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI Machine
        Learning Repository. scikit-learn ships its test part.
    """
    pixels, labels = load_digits(return_X_y=True)
    forms = np.arange(len(labels), dtype=np.int64) * FORMS // len(labels)
    rows = Rows(validate_pixels(pixels), labels.astype(np.int64), forms)
    training, held_out = train_test_split(np.arange(len(rows)), **SPLIT_OPTIONS)
    return Split(rows.take(training), rows.take(held_out))


def read_csv(file: Path) -> Rows:
    """Read rows from a CSV file in the format of the UCI repository: 64 pixels and a label, no header.

    Args:
        file: A CSV file with at least one line.
    Returns:
        The rows of the file. Their form is 0, because the file does not name the forms.
    Raises:
        DataError: The file cannot be read, or a line is not 64 numbers from 0 to 16 and a digit.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read: {getattr(error, 'strerror', 'it is not text')}") from error
    if not lines:
        raise DataError(f"{file} has no rows")
    table = np.array([_parse_line(line, f"{file}, line {number}") for number, line in enumerate(lines, 1)])
    try:
        pixels = validate_pixels(table[:, :PIXELS])
    except PixelRangeError as error:
        raise DataError(f"{file}, line {error.image + 1}: value {error.pixel + 1} {error.rule}") from error
    return Rows(pixels, table[:, PIXELS].astype(np.int64), np.zeros(len(lines), dtype=np.int64))


def _parse_line(line: str, location: str) -> list[float]:
    """Parse a line of a CSV file into 64 pixels and a label; `location` starts the error messages."""
    values = line.split(",")
    if len(values) != PIXELS + 1:
        raise DataError(f"{location}: must have {PIXELS} pixels and a label, separated by commas")
    try:
        numbers = [float(value) for value in values]
    except ValueError as error:
        raise DataError(f"{location}: must hold numbers and nothing else, no header either") from error
    if numbers[PIXELS] not in range(DIGITS):
        raise DataError(f"{location}: the label must be a digit from 0 to {DIGITS - 1}")
    return numbers


def folds(rows: Rows, count: int) -> Iterator[tuple[Rows, Rows]]:
    """Divide rows into folds for cross-validation, such that all rows of a form are in the same fold.

    Neighbours on a form share a writer. Random folds would put one writer on both sides, and the
    accuracy on unseen writers would be overestimated.

    Args:
        rows: The training rows.
        count: Number of folds, 2…14.
    Yields:
        For each fold, the rows to train on and the rows to validate with.
    """
    for training, validation in GroupKFold(count).split(rows.pixels, groups=rows.forms):
        yield rows.take(training), rows.take(validation)


def one_hot(labels: NDArray[np.int64], classes: int, dtype: type[np.floating] = np.float32) -> Floats:
    """Encode each label as a row with a single 1.

    Args:
        labels: Shape (N,), int64 in 0…classes - 1.
        classes: Number of classes.
        dtype: Floating-point dtype of the result.
    Returns:
        Zeros and ones, shape (N, classes).
    Example:
        >>> one_hot(np.array([2]), 3).tolist()
        [[0.0, 0.0, 1.0]]
    """
    return np.eye(classes, dtype=dtype)[labels]
