"""The recipe of the released network: all hyper-parameters, and the training that they define.

The hyper-parameters were chosen by cross-validation inside the training rows (`make cross-validate`).
`docs/experiments.md` lists the alternatives that were tried.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from model import DIGITS, Weights
from training.augment import Distorter, Distortion
from training.data import Rows, one_hot
from training.fit import Epoch, Schedule, fit


@dataclass(frozen=True)
class Recipe:
    """All hyper-parameters of a training; the card inside the file of weights (`model.Card`) lists them.

    Args:
        name: Name of the recipe.
        schedule: How long the network trains, and with which steps.
        distortion: How strongly each image is distorted, anew in each epoch.
        temperature: Divisor of the logits, above 0, fitted in cross-validation. A temperature above 1
            makes the probabilities less extreme, a temperature below 1 more extreme.
    """

    name: str
    schedule: Schedule
    distortion: Distortion
    temperature: float

    def hyperparameters(self) -> dict[str, Any]:
        """List the hyper-parameters for the card.

        Returns:
            All fields except the name, nested dataclasses as dictionaries.
        """
        return {key: value for key, value in asdict(self).items() if key != "name"}

    def with_epochs(self, epochs: int | None) -> "Recipe":
        """Make the same recipe with another number of epochs.

        Args:
            epochs: Number of epochs, at least 1; None keeps the number of this recipe.
        Returns:
            A recipe that differs at most in the number of epochs.
        """
        return self if epochs is None else replace(self, schedule=replace(self.schedule, epochs=epochs))


VERSION = "2"  # of the released weights; each new release gets the next number

RELEASED_RECIPE = Recipe(
    name="adam-elastic",
    schedule=Schedule(epochs=3000, batch_rows=32, learning_rate=3e-3, last_rate=0.3, weight_decay=0.05, averaged=0.4),
    distortion=Distortion(
        rotation_degrees=10, shear=0.1, scale=0.1, shift_pixels=0.5, elastic_pixels=0.5, elastic_reach_pixels=2, ink=0.3
    ),
    temperature=0.8,
)


def train(recipe: Recipe, rows: Rows, seed: int) -> Iterator[Epoch]:
    """Train a network by a recipe.

    Args:
        recipe: The hyper-parameters.
        rows: The training rows.
        seed: Seed of all randomness. On one machine the same seed gives the same bytes.
    Yields:
        Each epoch when it ends. The trained network is the weights of the last epoch; the temperature
        is not applied to them yet.
    """
    distorter, targets = Distorter(rows.pixels, recipe.distortion), one_hot(rows.labels, DIGITS)
    return fit(recipe.schedule, distorter.distort, targets, np.random.default_rng(seed))


def apply_temperature(weights: Weights, temperature: float) -> Weights:
    """Divide the logits of a network by a temperature, by scaling the parameters of its last layer.

    Args:
        weights: The parameters.
        temperature: Divisor of the logits, above 0. A temperature below 1 makes the probabilities more
            extreme. The predicted digits stay the same.
    Returns:
        New parameters; only W3 and b3 differ.
    Source: Guo, Pleiss, Sun and Weinberger 2017, arXiv:1706.04599.
    """
    divisor = weights.W3.dtype.type(temperature)
    return weights._replace(W3=weights.W3 / divisor, b3=weights.b3 / divisor)
