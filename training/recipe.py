"""The recipe: how the released network is trained, and with which numbers.

The numbers were chosen by cross-validation inside the training rows (`make cross-validate`);
`docs/decisions.md` has what else was tried.
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
    """Every choice of a training, so that its card can name them all.

    Args:
        name: What the card calls it.
        schedule: How long and how fast the network learns.
        distortion: How far each image is bent, anew in each epoch.
        temperature: What the logits are divided by, above 0, fitted in cross-validation: above 1
            the network gets more modest, below 1 surer.
    """

    name: str
    schedule: Schedule
    distortion: Distortion
    temperature: float

    def hyperparameters(self) -> dict[str, Any]:
        """List the choices for the card.

        Returns:
            All fields but the name.
        """
        return {key: value for key, value in asdict(self).items() if key != "name"}

    def lasting(self, epochs: int) -> "Recipe":
        """Make the same recipe with a shorter or longer training.

        Args:
            epochs: How many epochs.
        Returns:
            A new recipe.
        """
        return replace(self, schedule=replace(self.schedule, epochs=epochs))


VERSION = "2"  # of the released weights; a new release gets the next number

RELEASE = Recipe(
    name="adam-elastic",
    schedule=Schedule(
        epochs=3000, batch_rows=32, learning_rate=3e-3, last_rate=0.3, weight_decay=0.05, averaged=0.4
    ),
    distortion=Distortion(
        rotation_degrees=10,
        shear=0.1,
        scale=0.1,
        shift_pixels=0.5,
        elastic_pixels=0.5,
        elastic_reach_pixels=2,
        ink=0.3,
    ),
    temperature=0.8,
)


def train(recipe: Recipe, rows: Rows, seed: int) -> Iterator[Epoch]:
    """Train a network.

    Args:
        recipe: How.
        rows: On what.
        seed: Decides everything random; the same seed gives the same bytes on one machine.
    Yields:
        Each epoch as it ends; the weights of the last are the network, before the temperature.
    """
    images, targets = Distorter(rows.pixels, recipe.distortion), one_hot(rows.labels, DIGITS)
    return fit(recipe.schedule, images.draw, targets, np.random.default_rng(seed))


def tempered(weights: Weights, temperature: float) -> Weights:
    """Divide the logits of a network by a temperature, without a new parameter.

    Args:
        weights: The parameters.
        temperature: Above 0; below 1 the network gets surer, and reads the same digits.
    Returns:
        The same parameters but for those of the last layer.
    Source: Guo, Pleiss, Sun and Weinberger 2017, arXiv:1706.04599.
    """
    divisor = weights.W3.dtype.type(temperature)
    return weights._replace(W3=weights.W3 / divisor, b3=weights.b3 / divisor)
