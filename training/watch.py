"""A training with a bar for whoever waits, and a curve for the report."""

from dataclasses import dataclass, field
from typing import Never

from tqdm import tqdm

from model import Network, Weights
from training.data import Rows
from training.evaluate import evaluate
from training.fit import Epoch
from training.recipe import Recipe, train

POINTS = 100  # of a curve


@dataclass
class Curve:
    """How a training went, a list entry a point.

    Args:
        epoch: After which epoch, from 1.
        loss: Mean cross-entropy of that epoch's batches, on distorted images, in nats.
        log_loss: Of the scored rows as they are, before the temperature, in nats.
        accuracy: Share of the scored rows read correctly, in [0, 1].
    """

    epoch: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    log_loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)

    def add(self, epoch: Epoch, scored: Rows) -> None:
        """Score the network after an epoch.

        Args:
            epoch: The one that has just ended.
            scored: With which rows.
        """
        figures = evaluate(Network(epoch.weights), scored)
        self.epoch.append(epoch.number)
        self.loss.append(round(epoch.loss, 6))
        self.log_loss.append(round(figures.log_loss, 6))
        self.accuracy.append(figures.accuracy)


def watch(recipe: Recipe, rows: Rows, scored: Rows, seed: int, label: str) -> tuple[Weights, Curve]:
    """Train a network and show how far it is; the bar stays silent where nobody watches.

    Args:
        recipe: How.
        rows: On what.
        scored: What its curve is taken with.
        seed: Decides everything random.
        label: What the bar says in front.
    Returns:
        The parameters before the temperature, and how the training went.
    """
    epochs = recipe.schedule.epochs
    curve = Curve()
    bar: tqdm[Never]
    with tqdm(total=epochs, desc=label, unit="epoch", disable=None) as bar:
        for epoch in train(recipe, rows, seed):
            if epoch.number * POINTS % epochs < POINTS:
                curve.add(epoch, scored)
            bar.set_postfix(loss=f"{epoch.loss:.4f}", rate=f"{epoch.rate:.1e}", refresh=False)
            bar.update()
    return epoch.weights, curve
