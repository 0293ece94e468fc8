"""Cross-validation inside the training rows: every row is read by a network that saw none of its form.

Everything is chosen by it, the temperature too; the held-out rows choose nothing.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from model import Floats, Floats32, Network, softmax
from training.data import DataError, Rows, folds
from training.evaluate import log_loss
from training.recipe import Recipe
from training.watch import Curve, watch

FOLDS = 7
TEMPERATURES = (0.2, 5.0)  # where the best one is looked for


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What networks answered to the rows that they had not seen.

    Args:
        labels: True digits, shape (N,).
        logits: Shape (N, 10), float32, before the temperature.
        curves: How each training went, scored on the rows left out; one a fold.
        hyperparameters: Every choice of the trainings.
    """

    labels: NDArray[np.int64]
    logits: Floats32
    curves: list[Curve]
    hyperparameters: dict[str, Any]

    def probabilities(self, temperature: float) -> Floats32:
        """Say how likely each digit is at a temperature.

        Args:
            temperature: What the logits are divided by, above 0.
        Returns:
            Shape (N, 10), float32.
        """
        return softmax(self.logits / np.float32(temperature)).astype(np.float32, copy=False)

    def is_of(self, hyperparameters: Mapping[str, Any]) -> bool:
        """Say whether all folds were trained with certain choices.

        Args:
            hyperparameters: Those of a card; the temperature, chosen after the training, may differ.
        Returns:
            Whether they are the same.
        """
        return len(self.curves) == FOLDS and self.hyperparameters == _trained(hyperparameters)


def cross_validate(recipe: Recipe, rows: Rows, count: int, seed: int) -> Iterator[OutOfFold]:
    """Train on all forms but a few, and read those.

    Args:
        recipe: How.
        rows: The training rows.
        count: How many folds, 2…14.
        seed: Seed of each training.
    Yields:
        Each fold by itself.
    """
    for number, (training, validation) in enumerate(folds(rows, count), start=1):
        weights, curve = watch(recipe, training, validation, seed, f"fold {number} of {count}")
        logits = Network(weights).logits(validation.pixels)
        yield OutOfFold(validation.labels, logits, [curve], _trained(recipe.hyperparameters()))


def join(parts: Sequence[OutOfFold]) -> OutOfFold:
    """Put the folds together.

    Args:
        parts: At least one, all of the same recipe.
    Returns:
        All rows, fold after fold.
    """
    return replace(
        parts[0],
        labels=np.concatenate([part.labels for part in parts]),
        logits=np.concatenate([part.logits for part in parts]),
        curves=[curve for part in parts for curve in part.curves],
    )


def save(validated: OutOfFold, file: Path) -> None:
    """Write a cross-validation to a file.

    Args:
        validated: All its folds.
        file: An `.npz`, overwritten.
    """
    curves = [asdict(curve) for curve in validated.curves]
    about = json.dumps({"hyperparameters": validated.hyperparameters, "curves": curves}, sort_keys=True)
    with file.open("wb") as opened:
        np.savez_compressed(opened, labels=validated.labels, logits=validated.logits, about=np.array(about))


def load(file: Path) -> OutOfFold:
    """Read a cross-validation back.

    Args:
        file: What `save` wrote.
    Returns:
        The same.
    Raises:
        DataError: The file is missing or not of that format.
    """
    try:
        with file.open("rb") as opened, np.load(opened) as arrays:
            about = json.loads(str(arrays["about"]))
            curves = [Curve(**curve) for curve in about.pop("curves")]
            return OutOfFold(labels=arrays["labels"], logits=arrays["logits"], curves=curves, **about)
    except (OSError, EOFError, ValueError, LookupError, TypeError, BadZipFile) as error:
        raise DataError(f"{file} is not what `make cross-validate` writes") from error


def fit_temperature(labels: NDArray[np.int64], logits: Floats) -> float:
    """Find what the logits must be divided by to be neither too sure nor too modest.

    Args:
        labels: True digits, shape (N,).
        logits: Shape (N, 10), by networks that did not train on these rows.
    Returns:
        The temperature with the smallest log-loss, between 0.2 and 5.
    Source: Guo, Pleiss, Sun and Weinberger 2017, arXiv:1706.04599.
    """
    found = minimize_scalar(
        lambda logarithm: log_loss(labels, softmax(logits / math.exp(logarithm))),
        bounds=[math.log(bound) for bound in TEMPERATURES],
        method="bounded",
    )
    return float(math.exp(found.x))


def _trained(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in hyperparameters.items() if name != "temperature"}
