"""Images in, readings out: the one place that asks the network and counts what it says."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.counts import Counts
from model import Floats32, Network


class Readings(NamedTuple):
    """What B images show."""

    digits: NDArray[np.int64]  # (B,), the most probable of each
    probabilities: Floats32  # (B, 10), in [0, 1]


class Reader:
    """Reads images with one network and counts the digits that it found.

    Args:
        network: What reads them.
        counts: Where predictions are counted.
    """

    def __init__(self, network: Network, counts: Counts) -> None:
        self._network = network
        self._counts = counts

    def read(self, pixels: Floats32) -> Readings:
        """Say which digits images show.

        Args:
            pixels: Shape (B, 64), float32 in [0, 16].
        Returns:
            What they show, in order.
        """
        probabilities = self._network.probabilities(pixels)  # (B, 10)
        digits = probabilities.argmax(axis=1)
        for digit in digits.tolist():
            self._counts.predictions[digit] += 1
        return Readings(digits.astype(np.int64, copy=False), probabilities)
