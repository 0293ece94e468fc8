"""Images in, readings out: the one place that asks the network."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model import Floats32, Network


class Readings(NamedTuple):
    """What B images show."""

    digits: NDArray[np.int64]  # (B,), the most probable of each
    probabilities: Floats32  # (B, 10), in [0, 1]


class Reader:
    """Reads images with one network, and lets others know what it read.

    Args:
        network: What reads them.
        observers: Each is told of every pass through the network, before its caller.
    """

    def __init__(self, network: Network, *observers: Callable[[Readings], None]) -> None:
        self._network = network
        self._observers = observers

    def read(self, pixels: Floats32) -> Readings:
        """Say which digits images show.

        Args:
            pixels: Shape (B, 64), float32 in [0, 16].
        Returns:
            What they show, in order.
        """
        probabilities = self._network.probabilities(pixels)  # (B, 10)
        digits = probabilities.argmax(axis=1).astype(np.int64, copy=False)  # (B,)
        readings = Readings(digits, probabilities)
        for observe in self._observers:
            observe(readings)
        return readings
