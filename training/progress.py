"""A training run with a progress bar on the terminal, and the training curve for the report."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tqdm import tqdm

from model import Network, Weights
from training.data import Rows
from training.evaluate import evaluate
from training.fit import Epoch

CURVE_POINTS = 100  # at most so many epochs are scored, evenly spaced, including the last one


@dataclass
class Curve:
    """The course of a training: lists of equal length, with one entry for each point of the curve.

    Args:
        epoch: Number of the epoch, from 1.
        loss: Mean cross-entropy of that epoch's batches, on distorted and synthetic images, in nats.
        log_loss: Log-loss on the scoring rows, undistorted, before the temperature, in nats.
        accuracy: Share of the scoring rows that are classified correctly, in [0, 1].
    """

    epoch: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    log_loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)

    def add(self, epoch: Epoch, scoring_rows: Rows) -> None:
        """Add a point: score the network after an epoch.

        Args:
            epoch: The epoch that has just ended.
            scoring_rows: Rows with which the network is scored.
        """
        metrics = evaluate(Network(epoch.weights), scoring_rows)
        self.epoch.append(epoch.number)
        self.loss.append(round(epoch.loss, 6))
        self.log_loss.append(round(metrics.log_loss, 6))
        self.accuracy.append(metrics.accuracy)


def track(training: Iterator[Epoch], epochs: int, scoring_rows: Rows, label: str) -> tuple[Weights, Curve]:
    """Run a training, and show a progress bar if the output is a terminal.

    Args:
        training: The training; it yields each epoch when it ends.
        epochs: Number of its epochs.
        scoring_rows: Rows with which the points of the curve are scored.
        label: Text in front of the bar.
    Returns:
        The trained parameters, before the temperature, and the training curve.
    """
    curve = Curve()
    with tqdm(training, desc=label, total=epochs, unit="epoch", disable=None) as bar:
        for epoch in bar:
            if epoch.number * CURVE_POINTS % epochs < CURVE_POINTS:
                curve.add(epoch, scoring_rows)
            bar.set_postfix(loss=f"{epoch.loss:.4f}", rate=f"{epoch.learning_rate:.1e}", refresh=False)
    return epoch.weights, curve
