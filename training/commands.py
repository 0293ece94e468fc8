"""What the commands that train and score do; each returns an exit status."""

import platform
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import sklearn

from model import Card, HeldOutMetrics, Network, load_artefact, save_artefact
from training import crossval, report
from training import evaluate as figures
from training.data import SPLIT, DataError, load_split, read_csv
from training.recipe import RELEASE, VERSION, Recipe, tempered
from training.watch import Curve, watch

TOLERANCE = 0.005  # of held-out accuracy between two processors


def train(out: Path, seed: int, epochs: int | None) -> int:
    """Train the released network, score it on the held-out rows, and write the file.

    Args:
        out: The file to write; until the end the old one stays as it is.
        seed: Decides everything random.
        epochs: Overrides the recipe's number.
    """
    check_folder(out)
    recipe, split = lasting(epochs), load_split()
    learned, curve = watch(recipe, split.training, split.training, seed, f"training, seed {seed}")
    weights = tempered(learned, recipe.temperature)
    held_out = figures.evaluate(Network(weights), split.held_out)
    save_artefact(out, weights, card(recipe, seed, len(split.training), curve, held_out))
    print(f"{out}: {summary(held_out)}")
    return 0


def card(recipe: Recipe, seed: int, training_rows: int, curve: Curve, held_out: HeldOutMetrics) -> Card:
    """Write down how a network was made.

    Args:
        recipe: How it was trained.
        seed: The seed of the training.
        training_rows: Number of rows trained on.
        curve: How the training went.
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
        curve=asdict(curve),
        held_out=held_out,
        libraries={
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
        },
    )


def evaluate(file: Path, data: Path | None) -> int:
    """Score a file of weights on the held-out rows, or on rows of one's own.

    Args:
        file: The file.
        data: A CSV file of 64 pixels and a label a line; the held-out rows if there is none.
    Raises:
        ArtefactError: The file is not an artefact.
        DataError: The CSV file is not of that format.
    """
    network = load_artefact(file).network
    rows = load_split().held_out if data is None else read_csv(data)
    probabilities = network.probabilities(rows.pixels)
    print(report.figures_of(rows.labels, probabilities), end="\n\n")
    print(report.per_digit(figures.confusion(rows.labels, probabilities.argmax(axis=1)).tolist()))
    return 0


def make_report(file: Path, validation: Path, out: Path) -> int:
    """Write the model card and its pictures.

    Args:
        file: The artefact to report on.
        validation: The cross-validation of its recipe.
        out: The folder to write.
    Raises:
        ArtefactError: The file is not an artefact.
        DataError: The cross-validation is missing, or is of another recipe.
    """
    artefact, validated = load_artefact(file), crossval.load(validation)
    if not validated.is_of(artefact.card.hyperparameters):
        raise DataError(
            f"{validation} is not a cross-validation over {crossval.FOLDS} folds of the recipe of {file}"
        )
    report.write(out, artefact, load_split(), validated)
    print(f"{out}/model_card.md and its pictures")
    return 0


def cross_validate(out: Path, folds: int, seed: int, epochs: int | None) -> int:
    """Score the recipe inside the training rows, on folds that share no form.

    Args:
        out: The file to write, for the report.
        folds: How many, 2…14.
        seed: Seed of each training.
        epochs: Overrides the recipe's number.
    """
    check_folder(out)
    recipe, parts = lasting(epochs), []
    for part in crossval.cross_validate(recipe, load_split().training, folds, seed):
        parts.append(part)
        print(f"fold {len(parts)}: {_summary_of(part, recipe.temperature)}", flush=True)
    validated = crossval.join(parts)
    best = crossval.fit_temperature(validated.labels, validated.logits)
    print(f"all, temperature 1: {_summary_of(validated, 1)}")
    print(
        f"all, temperature {recipe.temperature}, the recipe's: {_summary_of(validated, recipe.temperature)}"
    )
    print(f"the temperature that fits these rows best: {best:.2f}")
    crossval.save(validated, out)
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


def check_folder(out: Path) -> None:
    """Refuse a place that cannot be written to, before the minutes that a training takes.

    Args:
        out: The file that will be written.
    Raises:
        DataError: Its folder is missing.
    """
    if not out.parent.is_dir():
        raise DataError(f"{out.parent} is not a folder to write to")


def lasting(epochs: int | None) -> Recipe:
    """Take the released recipe, shorter or longer if asked to.

    Args:
        epochs: How many, at least 1, or None for the recipe's own number.
    Returns:
        The recipe.
    """
    return RELEASE if epochs is None else RELEASE.lasting(epochs)


def summary(held_out: HeldOutMetrics) -> str:
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


def _summary_of(part: crossval.OutOfFold, temperature: float) -> str:
    return summary(figures.score(part.labels, part.probabilities(temperature)))
