"""The optimiser: Adam, which works in place on flat vectors."""

import math

import numpy as np

from model import Floats

BETA_1 = 0.9  # decay rate of the running mean of the gradient
BETA_2 = 0.999  # decay rate of the running mean of the squared gradient
EPSILON = 1e-8  # added to the denominator, so that the step never divides by zero


class Adam:
    """Adam with decoupled weight decay (AdamW).

    Args:
        size: Number of parameters.
        weight_decay: Share of each parameter that a step with learning rate 1 removes, at least 0.
    Source: Kingma and Ba 2015, arXiv:1412.6980, algorithm 1 with its defaults; decay after
        Loshchilov and Hutter 2019, arXiv:1711.05101.
    """

    def __init__(self, size: int, weight_decay: float = 0.0) -> None:
        self.weight_decay = weight_decay
        self._gradient_sum = np.zeros(size, dtype=np.float32)
        self._square_sum = np.zeros(size, dtype=np.float32)
        self._scratch = np.empty(size, dtype=np.float32)
        self._steps = 0

    def step(self, parameters: Floats, gradient: Floats, learning_rate: float) -> None:
        """Move the parameters against the gradient, in place.

        Args:
            parameters: Flat vector, shape (size,); changed in place.
            gradient: Flat vector, same shape and dtype; not changed.
            learning_rate: Learning rate of this step, above 0.
        """
        self._steps += 1
        gradient_sum, square_sum, scratch = self._gradient_sum, self._square_sum, self._scratch
        # The paper scales each new gradient by 1 - beta. Here the running sums stay unscaled, and the two
        # scalars below hold that factor: this saves one pass over the vector for each sum.
        gradient_sum *= BETA_1
        gradient_sum += gradient
        np.multiply(gradient, gradient, out=scratch)
        square_sum *= BETA_2
        square_sum += scratch
        # Both sums start at zero. Dividing by 1 - beta**steps removes the bias that this causes.
        mean_scale = (1 - BETA_1) / (1 - BETA_1**self._steps)
        root_scale = math.sqrt((1 - BETA_2) / (1 - BETA_2**self._steps))
        np.sqrt(square_sum, out=scratch)
        scratch += EPSILON / root_scale
        np.divide(gradient_sum, scratch, out=scratch)
        scratch *= learning_rate * mean_scale / root_scale
        parameters *= 1 - learning_rate * self.weight_decay
        parameters -= scratch
