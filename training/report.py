"""The report: a model card in Markdown and the pictures that it shows.

The card follows Mitchell et al. 2019, "Model Cards for Model Reporting", doi:10.1145/3287560.3287596.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from model import DIGITS, Artefact, Confusion, Floats32
from training import plots
from training.augment import Distorter, Distortion
from training.crossval import FOLDS, OutOfFold
from training.data import Split, folds
from training.evaluate import accuracy_interval, log_loss_interval, reliability, score
from training.steps import steps
from training.watch import Curve

TEMPLATE = Path(__file__).with_name("model_card.template.md")
SAMPLES = 5  # images in the picture of the distortions, and
COPIES = 14  # bent copies of each


def write(folder: Path, artefact: Artefact, split: Split, validated: OutOfFold) -> None:
    """Write the model card and its pictures.

    Args:
        folder: Where to; made if it is missing, files of the same names are overwritten.
        artefact: The network with its card.
        split: The rows.
        validated: Cross-validation of its recipe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in pictures(artefact, split, validated).items():
        plots.save(figure, folder / f"{name}.svg")
    (folder / "model_card.md").write_text(model_card(artefact, split, validated), encoding="utf-8")


def pictures(artefact: Artefact, split: Split, validated: OutOfFold) -> dict[str, Figure]:
    """Draw every picture of the report.

    Args:
        artefact: The network with its card.
        split: The rows.
        validated: Cross-validation of its recipe.
    Returns:
        Figures by the name of their file.
    """
    card, network, held_out = artefact.card, artefact.network, split.held_out
    read = validated.probabilities(card.hyperparameters["temperature"])
    validated_pixels = np.concatenate([part.pixels for _, part in folds(split.training, FOLDS)])
    few = split.training.take(np.arange(SAMPLES))
    distorter = Distorter(few.pixels, Distortion(**card.hyperparameters["distortion"]))
    rng = np.random.default_rng(card.seed)
    return {
        "curves": plots.curves(Curve(**card.curve), validated.curves),
        "confusion": plots.confusion(card.held_out.confusion),
        "misread": plots.misread(held_out.pixels, held_out.labels, network.probabilities(held_out.pixels)),
        "misread_out_of_fold": plots.misread(validated_pixels, validated.labels, read),
        "reliability": plots.reliability(
            reliability(validated.labels, validated.probabilities(1)), reliability(validated.labels, read)
        ),
        "filters": plots.filters(network.weights.W1),
        "steps": steps(),
        "distortions": plots.distortions(few.pixels, [distorter.draw(rng) for _ in range(COPIES)]),
    }


def model_card(artefact: Artefact, split: Split, validated: OutOfFold) -> str:
    """Write what a reader must know before using the network.

    Args:
        artefact: The network with its card.
        split: The rows.
        validated: Cross-validation of its recipe.
    Returns:
        Markdown.
    """
    card = artefact.card
    temperature = card.hyperparameters["temperature"]
    read = artefact.network.probabilities(split.held_out.pixels)
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        version=card.version,
        temperature=temperature,
        recipe=card.recipe,
        seed=card.seed,
        sha256=artefact.sha256,
        training_rows=card.training_rows,
        held_out_rows=card.held_out.rows,
        misread=card.held_out.rows - card.held_out.correct,
        held_out=figures_of(split.held_out.labels, read),
        out_of_fold=figures_of(validated.labels, validated.probabilities(temperature)),
        per_digit=per_digit(card.held_out.confusion),
        hyperparameters="\n".join(f"| {name} | {value} |" for name, value in flat(card.hyperparameters)),
        libraries=", ".join(f"{name} {version}" for name, version in card.libraries.items()),
    )


def figures_of(labels: NDArray[np.int64], probabilities: Floats32) -> str:
    """Score answers, and say how far chance may have moved each figure.

    Args:
        labels: True digits, shape (N,).
        probabilities: What was answered, shape (N, 10).
    Returns:
        A table in Markdown.
    """
    scored = score(labels, probabilities)
    accuracy = accuracy_interval(scored.correct, scored.rows)
    loss = log_loss_interval(labels, probabilities)
    return "\n".join(
        [
            f"| on {scored.rows} images | | 95 % interval |",
            "|---|---:|---:|",
            f"| accuracy | {scored.accuracy:.2%} | {accuracy.low:.2%} to {accuracy.high:.2%} |",
            f"| log-loss | {scored.log_loss:.4f} | {loss.low:.4f} to {loss.high:.4f} |",
            f"| calibration error | {scored.calibration_error:.4f} | |",
        ]
    )


def per_digit(confusion: Confusion) -> str:
    """Say what each digit was read as, how often rightly, and how often the answer was right.

    Args:
        confusion: 10×10 counts; the row is the true digit, the column the one read.
    Returns:
        A table in Markdown.
    """
    counts = np.array(confusion)
    read = " | ".join(map(str, range(DIGITS)))
    lines = [f"| true \\ read | {read} | recall | precision |", "|---:" * (DIGITS + 3) + "|"]
    for digit, row in enumerate(counts.tolist()):
        cells = " | ".join(str(count or "") for count in row)
        shares = " | ".join(
            f"{row[digit] / total:.1%}" if total else "–" for total in (sum(row), counts[:, digit].sum())
        )
        lines.append(f"| **{digit}** | {cells} | {shares} |")
    return "\n".join(lines)


def flat(choices: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """List nested choices one by one.

    Args:
        choices: Values by name; a mapping among them is opened.
        prefix: What stands before each name.
    Yields:
        Name and value.
    Example:
        >>> list(flat({"epochs": 3, "distortion": {"shear": 0.1}}))
        [('epochs', 3), ('distortion.shear', 0.1)]
    """
    for name, value in choices.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
