"""What the commands that train and score do; each returns an exit status."""

import platform
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Never

import numpy as np
import sklearn
from tqdm import tqdm

from model import Card, HeldOut, Network, load_artefact, save_artefact
from training import evaluate as figures
from training.data import SPLIT, folds, load_split
from training.recipe import RELEASE, VERSION, Epoch, Recipe
from training.recipe import train as train_network

TOLERANCE = 0.005  # of held-out accuracy between two processors


def train(out: Path, seed: int, epochs: int | None) -> int:
    """Train the released network, score it once on the held-out rows, and write the file.

    Args:
        out: The file to write; until the end the old one stays as it is.
        seed: Decides everything random.
        epochs: Overrides the recipe's number.
    """
    recipe = RELEASE if epochs is None else replace(RELEASE, epochs=epochs)
    split = load_split()
    with progress_bar(recipe.epochs, f"training, seed {seed}") as bar:
        weights = train_network(recipe, split.training, seed, _shown_on(bar))
    held_out = figures.evaluate(Network(weights), split.held_out)
    save_artefact(out, weights, card(recipe, seed, len(split.training), held_out))
    print(f"{out}: {summary(held_out)}")
    return 0


def card(recipe: Recipe, seed: int, training_rows: int, held_out: HeldOut) -> Card:
    """Write down how a network was made.

    Args:
        recipe: How it was trained.
        seed: The seed of the training.
        training_rows: Number of rows trained on.
        held_out: How well it reads the others.
    Returns:
        The card for its file.
    """
    return Card(
        name="digits",
        version=VERSION,
        recipe=recipe.name,
        hyperparameters=recipe.hyperparameters(),
        seed=seed,
        split=SPLIT,
        training_rows=training_rows,
        held_out=held_out,
        libraries={
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
        },
    )


def evaluate(file: Path) -> int:
    """Score a file of weights on the held-out rows.

    Args:
        file: The file.
    Raises:
        ArtefactError: The file is not an artefact.
    """
    artefact = load_artefact(file)
    print(f"{file}: {summary(figures.evaluate(artefact.network, load_split().held_out))}")
    return 0


def cross_validate(count: int, seed: int) -> int:
    """Score the recipe inside the training rows, on folds that share no form.

    Args:
        count: Number of folds.
        seed: Seed of each training.
    """
    scores = []
    for number, (training, validation) in enumerate(folds(load_split().training, count), start=1):
        with progress_bar(RELEASE.epochs, f"fold {number} of {count}") as bar:
            weights = train_network(RELEASE, training, seed, _shown_on(bar))
        scores.append(figures.evaluate(Network(weights), validation))
        print(f"fold {number}: {summary(scores[-1])}")
    rows = sum(score.rows for score in scores)
    accuracy = sum(score.accuracy * score.rows for score in scores) / rows
    log_loss = sum(score.log_loss * score.rows for score in scores) / rows
    print(f"all {rows} rows: accuracy {accuracy:.2%}, log-loss {log_loss:.4f}")
    return 0


def check_release(file: Path) -> int:
    """Train again and hold the result against a committed file.

    Args:
        file: The file; its card names the seed.
    Returns:
        0 if the new network's held-out accuracy is within half a point of the file's, 1 otherwise.
        Bytes may differ, because BLAS kernels differ between processors.
    """
    released = load_artefact(file)
    with TemporaryDirectory() as folder:
        train(Path(folder) / file.name, released.card.seed, None)
        again = load_artefact(Path(folder) / file.name)
    gap = abs(again.card.held_out.accuracy - released.card.held_out.accuracy)
    same = "the same bytes" if again.sha256 == released.sha256 else "other bytes"
    print(f"{file}: {summary(released.card.held_out)}")
    print(f"{same}, {gap:.2%} apart; {TOLERANCE:.2%} is allowed")
    return 0 if gap <= TOLERANCE else 1


def summary(held_out: HeldOut) -> str:
    """Put the figures of an evaluation in one line.

    Args:
        held_out: The figures.
    Returns:
        Accuracy in percent, log-loss in nats, calibration error, rows.
    """
    return (
        f"accuracy {held_out.accuracy:.2%}, log-loss {held_out.log_loss:.4f}, "
        f"calibration error {held_out.calibration_error:.4f} on {held_out.rows} rows"
    )


def progress_bar(epochs: int, label: str) -> "tqdm[Never]":
    """Open a progress bar that counts epochs; it stays silent where nobody watches.

    Args:
        epochs: How many there will be.
        label: What it says in front.
    Returns:
        A context manager.
    """
    bar: tqdm[Never] = tqdm(total=epochs, desc=label, unit="epoch", disable=None)
    return bar


def _shown_on(bar: "tqdm[Never]") -> Callable[[Epoch], None]:
    def show(epoch: Epoch) -> None:
        bar.set_postfix(loss=f"{epoch.loss:.4f}", rate=f"{epoch.rate:.1e}", refresh=False)
        bar.update()

    return show
