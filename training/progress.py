"""A training run with a progress bar on the terminal, and the training curve for the report."""

from dataclasses import dataclass, field

from tqdm import tqdm

from model import Network, Weights
from training.data import Rows
from training.evaluate import evaluate
from training.fit import Epoch
from training.recipe import Recipe, train

CURVE_POINTS = 100  # at most so many epochs are scored, evenly spaced, including the last one


@dataclass
class Curve:
    """The course of a training: lists of equal length, with one entry for each point of the curve.

    Args:
        epoch: Number of the epoch, from 1.
        loss: Mean cross-entropy of that epoch's batches, on distorted images, in nats.
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


def train_and_track(recipe: Recipe, rows: Rows, scoring_rows: Rows, seed: int, label: str) -> tuple[Weights, Curve]:
    """Train a network, and show a progress bar if the output is a terminal.

    Args:
        recipe: The hyper-parameters.
        rows: The training rows.
        scoring_rows: Rows with which the points of the curve are scored.
        seed: Seed of all randomness.
        label: Text in front of the bar.
    Returns:
        The trained parameters, before the temperature, and the training curve.
    """
    epochs = recipe.schedule.epochs
    curve = Curve()
    with tqdm(train(recipe, rows, seed), desc=label, total=epochs, unit="epoch", disable=None) as bar:
        for epoch in bar:
            if epoch.number * CURVE_POINTS % epochs < CURVE_POINTS:
                curve.add(epoch, scoring_rows)
            bar.set_postfix(loss=f"{epoch.loss:.4f}", rate=f"{epoch.learning_rate:.1e}", refresh=False)
    return epoch.weights, curve
