"""The pictures of the report: what the network learned, and from what.

Each is an SVG with a transparent ground whose lines and letters take the reader's own colour, dark
on a light page and light on a dark one.
"""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from model import DIGITS, IMAGE_SIDE, INK_MAX, Confusion, Floats, Floats32
from training.evaluate import Bin
from training.watch import Curve

TEXT = "#1f2328"
SCHEME = f"<style>svg{{color:{TEXT}}}@media(prefers-color-scheme:dark){{svg{{color:#e6edf3}}}}</style>"
GAP = 2  # pixels between images of a mosaic
BLUE, ORANGE = "#2f81f7", "#e36209"
# Weights: what a unit counts for in orange, against in blue, nothing where there is no weight.
SIGNED = LinearSegmentedColormap.from_list(
    "signed", [(0, BLUE), (0.5, f"{BLUE}00"), (0.5, f"{ORANGE}00"), (1, ORANGE)]
)
TILE = LinearSegmentedColormap.from_list("tile", ["#80808000", "#80808026"])
COUNTS = LinearSegmentedColormap.from_list("counts", [f"{BLUE}00", BLUE])
STYLE = Path(__file__).with_name("plots.mplstyle")


@mpl.rc_context(fname=STYLE)
def save(figure: Figure, file: Path) -> None:
    """Write a figure as SVG that is legible on light and dark pages.

    Args:
        figure: Drawn with `STYLE`.
        file: Where to; overwritten.
    """
    drawn = StringIO()
    figure.savefig(drawn, format="svg", dpi=144, metadata={"Date": None})
    head, tag, rest = drawn.getvalue().replace(TEXT, "currentColor").partition("<defs>")
    file.write_text(f"{head}{SCHEME}\n {tag}{rest}", encoding="utf-8")


def canvas(width: float, height: float, columns: int = 1) -> tuple[Figure, Sequence[Axes]]:
    """Open an empty figure in the style of the report.

    Args:
        width: In inches of 72 points.
        height: The same.
        columns: Axes beside one another.
    Returns:
        The figure and its axes.
    """
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots(1, columns, squeeze=False)[0]


@mpl.rc_context(fname=STYLE)
def confusion(counts: Confusion) -> Figure:
    """Show which digit was read as which.

    Args:
        counts: 10×10 counts; the row is the true digit, the column the one read.
    Returns:
        A table whose colour is relative to the row.
    """
    table = np.array(counts)
    figure, (axes,) = canvas(5, 4.6)
    axes.imshow(table / np.maximum(table.sum(axis=1, keepdims=True), 1), cmap=COUNTS, vmin=0, vmax=1.6)
    for true, read in zip(*np.nonzero(table), strict=True):
        wrong = true != read
        axes.text(
            read,
            true,
            str(table[true, read]),
            ha="center",
            va="center",
            color=ORANGE if wrong else TEXT,
            weight="bold" if wrong else "normal",
        )
    axes.set(xticks=range(DIGITS), yticks=range(DIGITS), xlabel="digit read", ylabel="true digit")
    axes.tick_params(length=0)
    return figure


@mpl.rc_context(fname=STYLE)
def misread(pixels: Floats32, labels: NDArray[np.int64], probabilities: Floats32) -> Figure:
    """Show every image that was misread, what was read, and how surely.

    Args:
        pixels: Shape (N, 64), in [0, 16].
        labels: True digits, shape (N,).
        probabilities: Shape (N, 10).
    Returns:
        The misread ones side by side, the surest first.
    """
    read, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(read != labels)
    wrong = wrong[np.argsort(-sure[wrong])]
    if not len(wrong):
        figure = Figure(figsize=(3, 0.5))
        figure.text(0.5, 0.5, "none", ha="center", va="center")
        return figure
    columns = 6
    lines = -(-len(wrong) // columns)
    figure = Figure(figsize=(1.3 * columns, 1.9 * lines))
    for place, row in enumerate(wrong, start=1):
        axes = figure.add_subplot(lines, columns, place)
        axes.imshow(pixels[row].reshape(IMAGE_SIDE, IMAGE_SIDE), cmap="gray_r", vmin=0, vmax=INK_MAX)
        axes.axis("off")
        is_digit = probabilities[row, labels[row]]
        axes.set_title(f"read {read[row]}, {sure[row]:.1%}\nis {labels[row]}, {is_digit:.1%}")
    return figure


@mpl.rc_context(fname=STYLE)
def reliability(before: Sequence[Bin], after: Sequence[Bin]) -> Figure:
    """Show whether a probability of 80 % is right eight times in ten.

    Args:
        before: The bins without the temperature.
        after: The bins with it.
    Returns:
        Two diagrams; a point is the larger, the more images it stands for.
    """
    figure, panels = canvas(7, 3.6, columns=2)
    for axes, bins, title in zip(panels, (before, after), ("before", "after"), strict=True):
        filled = [one for one in bins if one.rows]
        axes.plot([0, 1], [0, 1], color=TEXT, linewidth=0.8, linestyle=":", label="perfectly calibrated")
        axes.scatter(
            [one.confidence for one in filled],
            [one.accuracy for one in filled],
            s=[8 + 12 * one.rows**0.5 for one in filled],
            color=BLUE,
            alpha=0.8,
            linewidths=0,
            clip_on=False,
        )
        axes.set(xlim=(0, 1.03), ylim=(0, 1.03), aspect="equal", title=f"{title} the temperature")
        axes.set(xlabel="probability of the digit read", ylabel="share read correctly")
        axes.grid(visible=True)
    panels[0].legend(loc="lower right", fontsize=8)
    return figure


@mpl.rc_context(fname=STYLE)
def filters(matrix: Floats) -> Figure:
    """Show what each unit of the first layer looks for.

    Args:
        matrix: W1, shape (64, 200).
    Returns:
        200 images of 8×8 weights, those of the largest norm first.
    """
    order = np.argsort(-np.linalg.norm(matrix, axis=0))
    tiles = matrix.T[order].reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
    figure, (axes,) = canvas(7.2, 3.9)
    limit = float(np.quantile(np.abs(matrix), 0.995))
    axes.imshow(mosaic(np.ones_like(tiles), 20), cmap=TILE, vmin=0, vmax=1)
    picture = axes.imshow(mosaic(tiles, 20), cmap=SIGNED, vmin=-limit, vmax=limit)
    axes.axis("off")
    bar = figure.colorbar(picture, ax=axes, shrink=0.7, pad=0.01)
    bar.set_label("weight of the pixel")
    bar.outline.set_visible(False)
    return figure


@mpl.rc_context(fname=STYLE)
def distortions(originals: Floats32, bent: Sequence[Floats32]) -> Figure:
    """Show a few images as they are, and as the training sees them.

    Args:
        originals: Shape (N, 64), in [0, 16].
        bent: Distorted copies, each of the same shape.
    Returns:
        A line an image; the original stands left.
    """
    tiles = np.stack([originals, *bent], axis=1).reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
    columns = 1 + len(bent)
    figure, (axes,) = canvas(7.2, 0.2 + 7 * len(originals) / columns)
    axes.imshow(mosaic(tiles, columns), cmap="gray_r", vmin=0, vmax=INK_MAX)
    axes.axis("off")
    axes.text(0, -2, "original", fontsize=8)
    axes.text(IMAGE_SIDE + GAP, -2, "as the training sees it", fontsize=8)
    return figure


@mpl.rc_context(fname=STYLE)
def curves(curve: Curve, folds: Sequence[Curve]) -> Figure:
    """Show how the released network learned, and how networks of the recipe did on unseen forms.

    Args:
        curve: Of the released network, on the training rows as they are.
        folds: Of cross-validation, on the rows left out.
    Returns:
        Log-loss and accuracy over the epochs.
    """
    figure, (left, right) = canvas(7.6, 3.4, columns=2)
    epochs = folds[0].epoch
    for fold in folds:
        left.plot(epochs, fold.log_loss, color=ORANGE, linewidth=0.7, alpha=0.6)
        right.plot(epochs, fold.accuracy, color=ORANGE, linewidth=0.7, alpha=0.6)
    mean_loss = np.mean([fold.log_loss for fold in folds], axis=0)
    mean_accuracy = np.mean([fold.accuracy for fold in folds], axis=0)
    left.plot(epochs, mean_loss, color=ORANGE)
    right.plot(epochs, mean_accuracy, color=ORANGE, label="unseen forms: each fold, and the mean")
    left.plot(curve.epoch, curve.loss, color=BLUE, linestyle=":", label="training rows, distorted")
    left.plot(curve.epoch, curve.log_loss, color=BLUE)
    right.plot(curve.epoch, curve.accuracy, color=BLUE, label="training rows, as they are")
    left.set(xlabel="epoch", ylabel="log-loss in nats", yscale="log")
    right.set(xlabel="epoch", ylabel="share read correctly", ylim=(0.9, 1.004))
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for axes in (left, right):
        axes.grid(visible=True)
    left.legend(fontsize=8, loc="upper right")
    right.legend(fontsize=8, loc="lower right")
    return figure


def mosaic(tiles: Floats, columns: int) -> Floats:
    """Lay images side by side.

    Args:
        tiles: Shape (lines x columns, 8, 8).
        columns: How many to a line.
    Returns:
        One large image; the gaps are NaN, which is drawn as nothing.
    """
    padded = np.pad(tiles, ((0, 0), (0, GAP), (0, GAP)), constant_values=np.nan)
    lines = len(tiles) // columns
    grid = padded.reshape(lines, columns, IMAGE_SIDE + GAP, IMAGE_SIDE + GAP).swapaxes(1, 2)
    together: Floats = grid.reshape(lines * (IMAGE_SIDE + GAP), columns * (IMAGE_SIDE + GAP))[:-GAP, :-GAP]
    return together
