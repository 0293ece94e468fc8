"""The report on a trained network: the model card in Markdown, and the figures that it shows.

The card follows Mitchell et al. 2019, "Model Cards for Model Reporting", doi:10.1145/3287560.3287596.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from model import DIGITS, PIXELS, Artefact, Confusion, Floats32
from training.augment import Distorter, Distortion
from training.crossval import FOLDS, OutOfFoldPredictions
from training.data import Split, folds
from training.evaluate import accuracy_interval, log_loss_interval, reliability_bins, score
from training.handwriting.digits import draw_digit
from training.progress import Curve
from training.reporting import plots
from training.reporting.normalisation_plot import normalisation_figure
from training.reporting.style import STYLE, save_svg

TEMPLATE = Path(__file__).with_name("model_card.template.md")
DISTORTED_IMAGES = 5  # in the figure of the distortions
DISTORTED_COPIES = 14  # of each of these images
SYNTHETIC_COLUMNS = 14  # images of each digit in the figure of the synthetic handwriting


def write_report(folder: Path, artefact: Artefact, split: Split, out_of_fold: OutOfFoldPredictions) -> None:
    """Write the model card and its figures.

    Args:
        folder: Output folder. It is created if it is missing; existing files are overwritten.
        artefact: The network with its card.
        split: The training rows and the held-out rows.
        out_of_fold: The predictions of the cross-validation of the network's recipe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in draw_figures(artefact, split, out_of_fold).items():
        save_svg(figure, folder / f"{name}.svg")
    (folder / "model_card.md").write_text(fill_in_template(artefact, split, out_of_fold), encoding="utf-8")


@mpl.rc_context(fname=STYLE)
def draw_figures(artefact: Artefact, split: Split, out_of_fold: OutOfFoldPredictions) -> dict[str, Figure]:
    """Draw all figures of the report.

    Args:
        artefact: The network with its card.
        split: The training rows and the held-out rows.
        out_of_fold: The predictions of the cross-validation of the network's recipe.
    Returns:
        Each figure by the name of its file, without the suffix.
    """
    card, held_out = artefact.card, split.held_out
    held_out_probabilities = artefact.network.probabilities(held_out.pixels)
    fold_probabilities = out_of_fold.probabilities(card.hyperparameters["temperature"])
    fold_pixels = np.concatenate([rows.pixels for _, rows in folds(split.training, FOLDS)])
    bins = [reliability_bins(out_of_fold.labels, p) for p in (out_of_fold.probabilities(1), fold_probabilities)]
    examples = split.training.pixels[:DISTORTED_IMAGES]
    distorter = Distorter(examples, Distortion(**card.hyperparameters["distortion"]))
    rng = np.random.default_rng(card.seed)
    return {
        "curves": plots.curves(Curve(**card.curve), out_of_fold.curves),
        "confusion": plots.confusion(card.held_out.confusion),
        "misclassified": plots.misclassified(held_out.pixels, held_out.labels, held_out_probabilities),
        "misclassified_out_of_fold": plots.misclassified(fold_pixels, out_of_fold.labels, fold_probabilities),
        "reliability": plots.reliability(*bins),
        "filters": plots.filters(artefact.network.weights.W1),
        "steps": normalisation_figure(),
        "distortions": plots.distortions(examples, [distorter.distort(rng) for _ in range(DISTORTED_COPIES)]),
        "handwriting": draw_sheet(card.seed),
    }


def draw_sheet(seed: int) -> Figure:
    """Draw a sheet of synthetic digits, the first of a pool.

    Args:
        seed: Seed of the pool.
    Returns:
        A line of images for each digit, from 0 to 9.
    """
    indices = [column * DIGITS + digit for digit in range(DIGITS) for column in range(SYNTHETIC_COLUMNS)]
    pictures, images = zip(*(draw_digit(index, seed) for index in indices), strict=True)
    return plots.handwriting(pictures, np.array(images).reshape(-1, PIXELS), SYNTHETIC_COLUMNS)


def fill_in_template(artefact: Artefact, split: Split, out_of_fold: OutOfFoldPredictions) -> str:
    """Fill in the template of the model card.

    Args:
        artefact: The network with its card.
        split: The training rows and the held-out rows.
        out_of_fold: The predictions of the cross-validation of the network's recipe.
    Returns:
        Markdown.
    """
    card = artefact.card
    temperature, synthetic = (card.hyperparameters[name] for name in ("temperature", "synthetic"))
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        vars(card),
        temperature=temperature,
        generator=synthetic["generator"],
        generator_version=synthetic["version"],
        synthetic_digits=f"{synthetic['digits']:,}",
        synthetic_share=f"{synthetic['share']:.0%}",
        sha256=artefact.sha256,
        held_out_rows=card.held_out.rows,
        misclassified=card.held_out.rows - card.held_out.correct,
        held_out=metrics_table(split.held_out.labels, artefact.network.probabilities(split.held_out.pixels)),
        out_of_fold=metrics_table(out_of_fold.labels, out_of_fold.probabilities(temperature)),
        confusion=confusion_table(card.held_out.confusion),
        hyperparameters="\n".join(f"| {name} | {value} |" for name, value in flatten(card.hyperparameters)),
        environment="\n".join(f"- `{name}={value}`" for name, value in card.environment.items()) or "- none",
        libraries=", ".join(f"{name} {version}" for name, version in card.libraries.items()),
    )


def metrics_table(labels: NDArray[np.int64], probabilities: Floats32) -> str:
    """Compute the metrics of predictions with their confidence intervals.

    Args:
        labels: True digits, shape (N,), int64 in 0…9.
        probabilities: Predicted probabilities, shape (N, 10), float32.
    Returns:
        A table in Markdown.
    """
    metrics = score(labels, probabilities)
    accuracy = accuracy_interval(metrics.correct, metrics.rows)
    loss = log_loss_interval(labels, probabilities)
    lines = [
        f"| on {metrics.rows} images | | 95 % interval |",
        "|---|---:|---:|",
        f"| accuracy | {metrics.accuracy:.2%} | {accuracy.low:.2%} to {accuracy.high:.2%} |",
        f"| log-loss | {metrics.log_loss:.4f} | {loss.low:.4f} to {loss.high:.4f} |",
        f"| calibration error | {metrics.calibration_error:.4f} | |",
    ]
    return "\n".join(lines)


def confusion_table(confusion: Confusion) -> str:
    """Show a confusion matrix with the recall and the precision of each digit.

    Args:
        confusion: 10×10 counts; the row is the true digit, the column the predicted digit.
    Returns:
        A table in Markdown. Counts of 0 are left blank. A recall or precision whose denominator is 0 is a dash.
    """
    counts = np.array(confusion)
    digits = " | ".join(map(str, range(DIGITS)))
    lines = [f"| true \\ predicted | {digits} | recall | precision |", "|---:" * (DIGITS + 3) + "|"]
    for digit, row in enumerate(counts.tolist()):
        cells = " | ".join(str(count or "") for count in row)
        totals = (sum(row), counts[:, digit].sum())
        shares = " | ".join(f"{row[digit] / total:.1%}" if total else "–" for total in totals)
        lines.append(f"| **{digit}** | {cells} | {shares} |")
    return "\n".join(lines)


def flatten(mapping: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """List the values of nested mappings by their full names.

    Args:
        mapping: Values by name; a value may be a mapping itself.
        prefix: Text in front of each name.
    Yields:
        The full name and the value of each entry that is not a mapping.
    Example:
        >>> list(flatten({"epochs": 3, "distortion": {"shear": 0.1}}))
        [('epochs', 3), ('distortion.shear', 0.1)]
    """
    for name, value in mapping.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
