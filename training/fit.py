"""The training loop: every epoch sees each image bent anew, and each batch of them is one step."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from model import INK_MAX, Floats32, Weights
from training.backprop import backpropagate
from training.optimiser import Adam
from training.parameters import COUNT, he_initialisation, views

# Draws the images of an epoch, shape (N, 64) in [0, 16], always of the same rows in the same order.
Draw: TypeAlias = Callable[[np.random.Generator], Floats32]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a network learns.

    Args:
        epochs: How often every training row is seen.
        batch_rows: Images to a step; the last step of an epoch may have fewer.
        learning_rate: Rate of the first step.
        last_rate: Share of it that is left at the end, in [0, 1], after half a cosine.
        weight_decay: Decoupled decay of Adam.
        averaged: Share of the epochs, at the end, whose weights are averaged, in [0, 1]; with 0 the
            weights of the last step are the answer.
    """

    epochs: int
    batch_rows: int
    learning_rate: float
    last_rate: float
    weight_decay: float
    averaged: float

    def rate(self, progress: float) -> float:
        """Let the learning rate fall slowly, then fast, then slowly.

        Args:
            progress: Share of the training that is done, in [0, 1].
        Returns:
            The rate at that point.
        Source: Loshchilov and Hutter 2017, arXiv:1608.03983, without restarts.
        """
        fallen = (1 - math.cos(math.pi * progress)) / 2
        return self.learning_rate * (1 - (1 - self.last_rate) * fallen)


@dataclass(frozen=True)
class Epoch:
    """What a finished epoch has to say.

    Args:
        number: Which one, from 1.
        loss: Mean cross-entropy of its batches, in nats.
        rate: Learning rate of its last step.
        weights: What the training would answer if it ended here; changed in place by the next.
    """

    number: int
    loss: float
    rate: float
    weights: Weights


class Average:
    """The mean of the weights of several epochs.

    Around the end of a training, steps wander about a minimum; their mean lies nearer to it, and reads
    new writers better.

    Source: Izmailov, Podoprikhin, Garipov, Vetrov and Wilson 2018, arXiv:1803.05407.
    """

    def __init__(self) -> None:
        self._mean = np.zeros(COUNT, dtype=np.float32)
        self._count = 0

    def add(self, parameters: Floats32) -> Weights:
        """Take in the parameters of one more epoch.

        Args:
            parameters: Flat vector, left alone.
        Returns:
            The mean so far.
        """
        self._count += 1
        self._mean += (parameters - self._mean) / self._count
        return views(self._mean)


def fit(schedule: Schedule, draw: Draw, targets: Floats32, rng: np.random.Generator) -> Iterator[Epoch]:
    """Train a network.

    Args:
        schedule: How long and how fast.
        draw: Draws the training images, anew for each epoch.
        targets: Probabilities that are wanted for them, shape (N, 10).
        rng: Decides everything random.
    Yields:
        Each epoch as it ends.
    """
    parameters, gradient = he_initialisation(rng), np.zeros(COUNT, dtype=np.float32)
    weights, slopes = views(parameters), views(gradient)
    adam, average = Adam(COUNT, schedule.weight_decay), Average()
    first_averaged = schedule.epochs - round(schedule.epochs * schedule.averaged) + 1

    for number in range(1, schedule.epochs + 1):
        order = rng.permutation(len(targets))
        inputs = draw(rng) / np.float32(INK_MAX)
        losses = []
        for start in range(0, len(targets), schedule.batch_rows):
            rate = schedule.rate((number - 1 + start / len(targets)) / schedule.epochs)
            batch = order[start : start + schedule.batch_rows]
            losses.append(backpropagate(weights, inputs[batch], targets[batch], slopes))
            adam.step(parameters, gradient, rate)
        answer = average.add(parameters) if number >= first_averaged else weights
        yield Epoch(number, sum(losses) / len(losses), rate, answer)
