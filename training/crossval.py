"""Cross-validation inside the training rows.

Each training row is classified by a network that was trained without any row of the same form. The
hyper-parameters, including the temperature, were chosen by cross-validation. The synthetic handwriting, its
share and the batch size were chosen by recorded strokes too. No recipe was chosen by its score on the
held-out rows, but low scores led to smaller shares of synthetic digits.
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
from training.progress import Curve, track
from training.recipe import Recipe, train_network

FOLDS = 7
TEMPERATURE_BOUNDS = (0.2, 5.0)  # the search for the best temperature stays between these


@dataclass(frozen=True, eq=False)
class OutOfFoldPredictions:
    """Predictions for rows by networks that were not trained on them.

    Args:
        labels: True digits, shape (N,), int64 in 0…9.
        logits: Predicted scores before the temperature, shape (N, 10), float32.
        curves: The training curve of each fold, scored on the rows of that fold.
        hyperparameters: The hyper-parameters of the trainings, without the temperature.
    """

    labels: NDArray[np.int64]
    logits: Floats32
    curves: list[Curve]
    hyperparameters: dict[str, Any]

    def probabilities(self, temperature: float) -> Floats32:
        """Compute the predicted probabilities at a temperature.

        Args:
            temperature: Divisor of the logits, above 0.
        Returns:
            Probabilities, shape (N, 10), float32 in [0, 1].
        """
        return softmax(self.logits / np.float32(temperature)).astype(np.float32, copy=False)

    def is_complete_for(self, hyperparameters: Mapping[str, Any]) -> bool:
        """Check that the predictions cover all folds and come from certain hyper-parameters.

        Args:
            hyperparameters: The hyper-parameters of a card. The temperature is ignored, because it is
                chosen after the training.
        Returns:
            True if there are 7 folds and all hyper-parameters but the temperature are equal.
        """
        return len(self.curves) == FOLDS and self.hyperparameters == _without_temperature(hyperparameters)


def cross_validate(
    recipe: Recipe, rows: Rows, synthetic: Rows, count: int, seed: int
) -> Iterator[OutOfFoldPredictions]:
    """For each fold, train a network on the other folds and classify the rows of the fold.

    Args:
        recipe: The hyper-parameters.
        rows: The training rows.
        synthetic: The synthetic digits, the same for each fold.
        count: Number of folds, 2…14.
        seed: Seed of each training.
    Yields:
        The predictions of each fold.
    """
    for number, (training, validation) in enumerate(folds(rows, count), start=1):
        epochs = train_network(recipe, training, synthetic, seed)
        weights, curve = track(epochs, recipe.schedule.epochs, validation, f"fold {number} of {count}")
        logits = Network(weights).logits(validation.pixels)
        yield OutOfFoldPredictions(validation.labels, logits, [curve], _without_temperature(recipe.hyperparameters()))


def concatenate(predictions: Sequence[OutOfFoldPredictions]) -> OutOfFoldPredictions:
    """Join the predictions of several folds.

    Args:
        predictions: The predictions of each fold, at least one, all with the same hyper-parameters.
    Returns:
        The predictions of all rows, fold after fold.
    """
    return replace(
        predictions[0],
        labels=np.concatenate([fold.labels for fold in predictions]),
        logits=np.concatenate([fold.logits for fold in predictions]),
        curves=[curve for fold in predictions for curve in fold.curves],
    )


def save(predictions: OutOfFoldPredictions, file: Path) -> None:
    """Write the predictions of a cross-validation to a file.

    Args:
        predictions: The predictions of all folds.
        file: Path of an `.npz` file; an existing file is overwritten.
    """
    curves = [asdict(curve) for curve in predictions.curves]
    about = json.dumps({"hyperparameters": predictions.hyperparameters, "curves": curves}, sort_keys=True)
    with file.open("wb") as stream:
        np.savez_compressed(stream, labels=predictions.labels, logits=predictions.logits, about=about)


def load(file: Path) -> OutOfFoldPredictions:
    """Read the predictions of a cross-validation from a file.

    Args:
        file: A file that `save` wrote.
    Returns:
        The predictions of all folds.
    Raises:
        DataError: The file is missing or has another format.
    """
    try:
        with file.open("rb") as stream, np.load(stream) as npz:
            about = json.loads(str(npz["about"]))
            curves = [Curve(**curve) for curve in about.pop("curves")]
            return OutOfFoldPredictions(labels=npz["labels"], logits=npz["logits"], curves=curves, **about)
    except (OSError, EOFError, ValueError, LookupError, TypeError, BadZipFile) as error:
        raise DataError(f"{file} is not what `make cross-validate` writes") from error


def fit_temperature(labels: NDArray[np.int64], logits: Floats) -> float:
    """Find the temperature that calibrates the probabilities best (temperature scaling).

    Args:
        labels: True digits, shape (N,), int64 in 0…9.
        logits: Scores by networks that were not trained on these rows, shape (N, 10).
    Returns:
        The temperature with the smallest log-loss, between 0.2 and 5.
    Source: Guo, Pleiss, Sun and Weinberger 2017, arXiv:1706.04599.
    """
    optimum = minimize_scalar(
        lambda log_temperature: log_loss(labels, softmax(logits / math.exp(log_temperature))),
        bounds=[math.log(bound) for bound in TEMPERATURE_BOUNDS],
    )
    return math.exp(optimum.x)


def _without_temperature(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in hyperparameters.items() if name != "temperature"}
