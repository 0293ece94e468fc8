"""How a gradient becomes a step: SGD and Adam, in place on flat vectors."""

from typing import Protocol

import numpy as np

from model import Floats


class Optimiser(Protocol):
    """What the training loop needs of an optimiser."""

    def step(self, parameters: Floats, gradient: Floats, rate: float) -> None:
        """Move the parameters against the gradient, in place.

        Args:
            parameters: Flat vector, changed.
            gradient: Flat vector of the same length and dtype, left alone.
            rate: Learning rate of this step.
        """


class SGD:
    """Stochastic gradient descent with momentum.

    Args:
        size: Number of parameters.
        momentum: Share of the last step that is repeated, in [0, 1); 0 is plain descent.
    Source: Sutskever, Martens, Dahl and Hinton 2013, "On the importance of initialization and
        momentum in deep learning".
    """

    def __init__(self, size: int, momentum: float = 0.9) -> None:
        self.momentum = momentum
        self._velocity = np.zeros(size, dtype=np.float32)

    def step(self, parameters: Floats, gradient: Floats, rate: float) -> None:
        """Move the parameters, as `Optimiser.step` says."""
        self._velocity *= self.momentum
        self._velocity -= rate * gradient
        parameters += self._velocity


class Adam:
    """Adam with decoupled weight decay (AdamW).

    Args:
        size: Number of parameters.
        weight_decay: Share of each parameter that a step of rate 1 takes away, at least 0.
        beta_1: Memory of the mean of the gradient, in [0, 1).
        beta_2: Memory of the mean of its square, in [0, 1).
        epsilon: Keeps the division from zero.
    Source: Kingma and Ba 2015, arXiv:1412.6980, algorithm 1 with its defaults; decay after
        Loshchilov and Hutter 2019, arXiv:1711.05101.
    """

    def __init__(
        self,
        size: int,
        weight_decay: float = 0.0,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        self.weight_decay = weight_decay
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self._mean = np.zeros(size, dtype=np.float32)
        self._square = np.zeros(size, dtype=np.float32)
        self._steps = 0

    def step(self, parameters: Floats, gradient: Floats, rate: float) -> None:
        """Move the parameters, as `Optimiser.step` says."""
        self._steps += 1
        self._mean += (1 - self.beta_1) * (gradient - self._mean)
        self._square += (1 - self.beta_2) * (gradient * gradient - self._square)
        # Both means start at zero; dividing by what they have seen so far takes that bias out.
        mean = self._mean / (1 - self.beta_1**self._steps)
        square = self._square / (1 - self.beta_2**self._steps)
        parameters *= 1 - rate * self.weight_decay
        parameters -= rate * mean / (np.sqrt(square) + self.epsilon)
