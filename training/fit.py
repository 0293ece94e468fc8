"""The training loop: each epoch draws new images and trains on them in random batches."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from model import INK_MAX, Floats32, Weights
from training.backprop import backpropagate
from training.optimiser import Adam
from training.parameters import PARAMETER_COUNT, he_initialisation, views

# Draws the images of one epoch, shape (N, 64), float32 in [0, 16], and their target probabilities, shape (N, 10),
# float32. N is the same in each epoch.
DrawExamples: TypeAlias = Callable[[np.random.Generator], tuple[Floats32, Floats32]]


@dataclass(frozen=True)
class Schedule:
    """How long a network trains, and with which steps.

    Args:
        epochs: Number of epochs. Each of them draws new images.
        batch_rows: Number of images in a batch; the last batch of an epoch may be smaller.
        learning_rate: Learning rate of the first step.
        last_rate: Final learning rate as a share of the first, in [0, 1]. The rate falls along half a
            cosine.
        weight_decay: Decoupled weight decay of Adam, at least 0.
        averaged: Share of the epochs, counted from the end, whose weights are averaged, in [0, 1].
            With 0, the trained weights are those of the last step.
    """

    epochs: int
    batch_rows: int
    learning_rate: float
    last_rate: float
    weight_decay: float
    averaged: float

    def learning_rate_at(self, progress: float) -> float:
        """Compute the learning rate at a point of the training.

        Args:
            progress: Share of the training that is done, in [0, 1].
        Returns:
            The learning rate at that point, on half a cosine from the first rate to the last.
        Source: Loshchilov and Hutter 2017, arXiv:1608.03983, without restarts.
        """
        fallen = (1 - math.cos(math.pi * progress)) / 2  # share of the fall, from 0 to 1
        return self.learning_rate * (1 - (1 - self.last_rate) * fallen)


class Epoch(NamedTuple):
    """The result of one epoch.

    Args:
        number: Number of the epoch, from 1.
        loss: Mean cross-entropy of its batches, in nats.
        learning_rate: Learning rate of its last step.
        weights: The trained network if the training ended here: the averaged weights once averaging has
            started, before that the current ones. The next epoch changes these arrays in place.
    """

    number: int
    loss: float
    learning_rate: float
    weights: Weights


def fit(schedule: Schedule, draw: DrawExamples, rng: np.random.Generator) -> Iterator[Epoch]:
    """Train a network from random initial weights.

    Near the end of a training, the steps wander around a minimum of the loss. The mean of the weights
    lies closer to the minimum, and classifies the digits of new writers better.

    Args:
        schedule: Number of epochs, batch size, learning rates, weight decay and weight averaging.
        draw: Draws the training images and the targets of each epoch.
        rng: Source of all randomness.
    Yields:
        Each epoch when it ends.
    Source: Izmailov, Podoprikhin, Garipov, Vetrov and Wilson 2018, arXiv:1803.05407, for the mean of the weights.
    """
    parameters, gradient_vector = he_initialisation(rng), np.zeros(PARAMETER_COUNT, dtype=np.float32)
    weights, gradient = views(parameters), views(gradient_vector)
    adam, mean = Adam(PARAMETER_COUNT, schedule.weight_decay), np.zeros_like(parameters)
    epochs_before_mean = schedule.epochs - round(schedule.epochs * schedule.averaged)

    for number in range(1, schedule.epochs + 1):
        pixels, targets = draw(rng)
        inputs, order = pixels / np.float32(INK_MAX), rng.permutation(len(targets))
        losses = []
        for start in range(0, len(targets), schedule.batch_rows):
            progress = (number - 1 + start / len(targets)) / schedule.epochs
            learning_rate = schedule.learning_rate_at(progress)
            batch = order[start : start + schedule.batch_rows]
            losses.append(backpropagate(weights, inputs[batch], targets[batch], gradient))
            adam.step(parameters, gradient_vector, learning_rate)
        trained = weights
        if number > epochs_before_mean:
            mean += (parameters - mean) / (number - epochs_before_mean)
            trained = views(mean)
        yield Epoch(number, sum(losses) / len(losses), learning_rate, trained)
