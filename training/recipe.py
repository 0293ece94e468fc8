"""The recipe: how the released network is trained, and with which numbers.

The numbers were chosen by cross-validation inside the training rows (`make cross-validate`);
`docs/decisions.md` has what else was tried.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from model import DIGITS, INK_MAX, Weights
from training.augment import Distortion, distort
from training.backprop import backpropagate
from training.data import Rows, one_hot
from training.optimiser import Adam
from training.parameters import COUNT, he_initialisation, views


@dataclass(frozen=True)
class Recipe:
    """Every choice of a training, so that its card can name them all.

    Args:
        name: What the card calls it.
        epochs: How often every training row is seen.
        batch_rows: Images to a step.
        learning_rate: Rate of the first step; it falls to zero along half a cosine.
        weight_decay: Decoupled decay of Adam.
        distortion: How far each image is bent, anew in each epoch.
    """

    name: str
    epochs: int
    batch_rows: int
    learning_rate: float
    weight_decay: float
    distortion: Distortion

    def hyperparameters(self) -> dict[str, Any]:
        """List the choices for the card.

        Returns:
            All fields but the name.
        """
        return {key: value for key, value in asdict(self).items() if key != "name"}


VERSION = "1"  # of the released weights; a new release gets the next number

RELEASE = Recipe(
    name="adam-distorted",
    epochs=1000,
    batch_rows=32,
    learning_rate=3e-3,
    weight_decay=0.1,
    distortion=Distortion(rotation_degrees=15, shear=0.2, scale=0.15, shift_pixels=0.7),
)


@dataclass(frozen=True)
class Epoch:
    """What a finished epoch has to say.

    Args:
        number: Which one, from 1.
        loss: Mean cross-entropy of its batches, in nats.
        rate: Learning rate of its last step.
    """

    number: int
    loss: float
    rate: float


def train(recipe: Recipe, rows: Rows, seed: int, on_epoch: Callable[[Epoch], None]) -> Weights:
    """Train a network.

    Args:
        recipe: How.
        rows: On what.
        seed: Decides everything random; the same seed gives the same bytes on one machine.
        on_epoch: Called after each epoch.
    Returns:
        The parameters, float32.
    """
    rng = np.random.default_rng(seed)
    parameters, gradient = he_initialisation(rng), np.zeros(COUNT, dtype=np.float32)
    weights, slopes = views(parameters), views(gradient)
    adam = Adam(COUNT, recipe.weight_decay)
    targets = one_hot(rows.labels, DIGITS)
    steps_an_epoch = math.ceil(len(rows) / recipe.batch_rows)
    step, rate = 0, recipe.learning_rate

    for number in range(1, recipe.epochs + 1):
        inputs = distort(rows.pixels, recipe.distortion, rng) / np.float32(INK_MAX)
        losses = []
        for batch in np.array_split(rng.permutation(len(rows)), steps_an_epoch):
            rate = cosine(recipe.learning_rate, step / (recipe.epochs * steps_an_epoch))
            losses.append(backpropagate(weights, inputs[batch], targets[batch], slopes))
            adam.step(parameters, gradient, rate)
            step += 1
        on_epoch(Epoch(number, sum(losses) / len(losses), rate))
    return weights


def cosine(rate: float, progress: float) -> float:
    """Let a learning rate fall slowly, then fast, then slowly.

    Args:
        rate: Where it starts.
        progress: Share of the training that is done, in [0, 1].
    Returns:
        The rate at that point; 0 at the end.
    Source: Loshchilov and Hutter 2017, arXiv:1608.03983, without restarts.
    Example:
        >>> cosine(0.1, 0.0), cosine(0.1, 0.5)
        (0.1, 0.05)
    """
    return rate * (1 + math.cos(math.pi * progress)) / 2
