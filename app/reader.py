"""Images in, predictions out: the one place that asks the network and counts what it says."""

from app.schemas import Prediction
from app.telemetry import Counts
from model import Floats32, Network


class Reader:
    """Reads images with one network and counts the digits that it found.

    Args:
        network: What reads them.
        counts: Where predictions are counted.
    """

    def __init__(self, network: Network, counts: Counts) -> None:
        self._network = network
        self._counts = counts

    def read(self, pixels: Floats32) -> list[Prediction]:
        """Say which digits images show.

        Args:
            pixels: Shape (B, 64), float32 in [0, 16].
        Returns:
            B predictions, in order.
        """
        probabilities = self._network.probabilities(pixels)  # (B, 10)
        digits = probabilities.argmax(axis=1).tolist()
        for digit in digits:
            self._counts.predictions[digit] += 1
        return [
            Prediction(digit=digit, probabilities=row)
            for digit, row in zip(digits, probabilities.tolist(), strict=True)
        ]
