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

from model import DIGITS, Artefact, Confusion, Floats32, softmax
from training import plots
from training.augment import Distorter, Distortion
from training.crossval import OutOfForm
from training.data import Split
from training.evaluate import (
    accuracy_interval,
    bootstrap_interval,
    calibration_error,
    log_loss,
    reliability,
    score,
)
from training.watch import Curve

TEMPLATE = Path(__file__).with_name("model_card.template.md")
SAMPLES = 5  # images in the picture of the distortions, and
COPIES = 14  # bent copies of each


def write(folder: Path, artefact: Artefact, split: Split, unseen: OutOfForm) -> None:
    """Write the model card and its pictures.

    Args:
        folder: Where to; made if it is missing, files of the same names are overwritten.
        artefact: The network with its card.
        split: The rows.
        unseen: Cross-validation of its recipe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in pictures(artefact, split, unseen).items():
        plots.save(figure, folder / f"{name}.svg")
    (folder / "model_card.md").write_text(model_card(artefact, split, unseen), encoding="utf-8")


def pictures(artefact: Artefact, split: Split, unseen: OutOfForm) -> dict[str, Figure]:
    """Draw every picture of the report.

    Args:
        artefact: The network with its card.
        split: The rows.
        unseen: Cross-validation of its recipe.
    Returns:
        Figures by the name of their file.
    """
    card, network, held_out = artefact.card, artefact.network, split.held_out
    few = split.training.take(np.arange(SAMPLES))
    distorter = Distorter(few.pixels, Distortion(**card.hyperparameters["distortion"]))
    rng = np.random.default_rng(card.seed)
    return {
        "curves": plots.curves(Curve(**card.curve), unseen.curves),
        "confusion": plots.confusion(card.held_out.confusion),
        "misread": plots.misread(held_out.pixels, held_out.labels, network.probabilities(held_out.pixels)),
        "reliability": plots.reliability(
            reliability(unseen.labels, softmax(unseen.logits)),
            reliability(unseen.labels, _tempered(card.hyperparameters, unseen)),
        ),
        "filters": plots.filters(network.weights.W1),
        "distortions": plots.distortions(few.pixels, [distorter.draw(rng) for _ in range(COPIES)]),
    }


def model_card(artefact: Artefact, split: Split, unseen: OutOfForm) -> str:
    """Write what a reader must know before using the network.

    Args:
        artefact: The network with its card.
        split: The rows.
        unseen: Cross-validation of its recipe.
    Returns:
        Markdown.
    """
    card = artefact.card
    read = artefact.network.probabilities(split.held_out.pixels)
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        version=card.version,
        recipe=card.recipe,
        seed=card.seed,
        sha256=artefact.sha256,
        training_rows=card.training_rows,
        held_out_rows=card.held_out.rows,
        misread=card.held_out.rows - sum(row[digit] for digit, row in enumerate(card.held_out.confusion)),
        held_out=figures_of(split.held_out.labels, read),
        unseen=figures_of(unseen.labels, _tempered(card.hyperparameters, unseen)),
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
    right = sum(row[digit] for digit, row in enumerate(scored.confusion))
    lines = [("accuracy", f"{scored.accuracy:.2%}", accuracy_interval(right, len(labels)), ".2%")]
    for name, figure in (("log-loss", log_loss), ("calibration error", calibration_error)):
        interval = bootstrap_interval(figure, labels, probabilities)
        lines.append((name, f"{figure(labels, probabilities):.4f}", interval, ".4f"))
    head = f"| on {len(labels)} images | | 95 % interval |\n|---|---:|---:|"
    rows = [
        f"| {name} | {value} | {interval.low:{form}} to {interval.high:{form}} |"
        for name, value, interval, form in lines
    ]
    return "\n".join([head, *rows])


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


def _tempered(hyperparameters: Mapping[str, Any], unseen: OutOfForm) -> Floats32:
    return softmax(unseen.logits / np.float32(hyperparameters["temperature"])).astype(np.float32)
