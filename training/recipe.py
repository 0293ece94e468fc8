"""The recipe of the released network: all hyper-parameters, and the training that they define.

The hyper-parameters were chosen by cross-validation inside the training rows (`make cross-validate`), and by digits
that were drawn on a tablet (`benchmarks/pictures/`). `docs/experiments.md` lists the alternatives that were tried.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from model import DIGITS, Floats32, Weights
from training.augment import Distorter, Distortion
from training.data import Rows, one_hot
from training.fit import DrawExamples, Epoch, Schedule, fit
from training.handwriting.pool import GENERATOR_VERSION


@dataclass(frozen=True)
class Synthetic:
    """The synthetic handwriting in a training.

    Args:
        generator: Name of the Python package that generates the digits.
        version: Version of the generator. The version and the seed of the training determine the digits.
        digits: Number of digits that are generated before the training, at least 1.
        share: Share of the synthetic digits in the images of an epoch, in [0, 1).
    """

    generator: str
    version: int
    digits: int
    share: float


@dataclass(frozen=True)
class Recipe:
    """All hyper-parameters of a training; the card inside the file of weights (`model.Card`) lists them.

    Args:
        name: Name of the recipe.
        schedule: How long the network trains, and with which steps.
        distortion: How strongly each training row is distorted, anew in each epoch.
        synthetic: The synthetic handwriting that each epoch adds to the training rows.
        temperature: Divisor of the logits, above 0, fitted in cross-validation. A temperature above 1
            makes the probabilities less extreme, a temperature below 1 more extreme.
    """

    name: str
    schedule: Schedule
    distortion: Distortion
    synthetic: Synthetic
    temperature: float

    def hyperparameters(self) -> dict[str, Any]:
        """List the hyper-parameters for the card.

        Returns:
            All fields except the name, nested dataclasses as dictionaries.
        """
        return {key: value for key, value in asdict(self).items() if key != "name"}

    def with_size(self, epochs: int | None, digits: int | None) -> "Recipe":
        """Make the same recipe for a training of another size.

        Args:
            epochs: Number of epochs, at least 1; None keeps the number of this recipe.
            digits: Number of synthetic digits, at least 1; None keeps the number of this recipe.
        Returns:
            A recipe that differs at most in these two numbers.
        """
        schedule = replace(self.schedule, epochs=epochs or self.schedule.epochs)
        synthetic = replace(self.synthetic, digits=digits or self.synthetic.digits)
        return replace(self, schedule=schedule, synthetic=synthetic)


WEIGHTS_VERSION = "3"  # of the released weights; each new release gets the next number

RELEASED_RECIPE = Recipe(
    name="adam-elastic-handwriting",
    schedule=Schedule(epochs=3000, batch_rows=64, learning_rate=3e-3, last_rate=0.3, weight_decay=0.05, averaged=0.4),
    distortion=Distortion(
        rotation_degrees=10, shear=0.1, scale=0.1, shift_pixels=0.5, elastic_pixels=0.5, elastic_reach_pixels=2, ink=0.3
    ),
    synthetic=Synthetic(generator="training.handwriting", version=GENERATOR_VERSION, digits=120_000, share=0.2),
    temperature=0.58,
)


def train_network(recipe: Recipe, rows: Rows, synthetic: Rows, seed: int) -> Iterator[Epoch]:
    """Train a network by a recipe.

    Args:
        recipe: The hyper-parameters.
        rows: The training rows.
        synthetic: The synthetic digits.
        seed: Seed of the initial weights, the distortions, the order of the images and the choice of synthetic
            digits. On one machine the same seed and the same rows give the same bytes.
    Yields:
        Each epoch when it ends. The trained network is the weights of the last epoch; the temperature
        is not applied to them yet.
    """
    return fit(recipe.schedule, examples(recipe, rows, synthetic), np.random.default_rng(seed))


def examples(recipe: Recipe, rows: Rows, synthetic: Rows) -> DrawExamples:
    """Make the function that draws the training images of each epoch.

    Args:
        recipe: The hyper-parameters.
        rows: The training rows. Each epoch has a distorted copy of each row.
        synthetic: The synthetic digits. Each epoch has some of them, drawn at random with replacement and not
            distorted.
    Returns:
        The function. The copies of the training rows come first.
    """
    distorter, share = Distorter(rows.pixels, recipe.distortion), recipe.synthetic.share
    targets, synthetic_targets = one_hot(rows.labels, DIGITS), one_hot(synthetic.labels, DIGITS)
    synthetic_count = round(len(rows) * share / (1 - share))

    def draw(rng: np.random.Generator) -> tuple[Floats32, Floats32]:
        chosen = rng.integers(len(synthetic), size=synthetic_count)
        pixels = np.concatenate([distorter.distort(rng), synthetic.pixels[chosen]])
        return pixels, np.concatenate([targets, synthetic_targets[chosen]])

    return draw


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
