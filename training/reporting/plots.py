"""The figures of the report: metrics, misclassified images, first-layer weights, distortions and synthetic digits.

`draw_figures` in `model_card.py` sets the common style for all of them.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from model import DIGITS, IMAGE_SIDE, INK_MAX, Confusion, Floats, Floats32
from training.evaluate import ReliabilityBin
from training.progress import Curve
from training.reporting.style import BLUE, ORANGE, TEXT_COLOUR, new_figure

GAP = 2  # pixels between the images of a mosaic
# Positive weights are orange, negative weights blue; a weight of 0 is transparent.
WEIGHT_COLOURS = LinearSegmentedColormap.from_list(
    "weights", [(0, BLUE), (0.5, f"{BLUE}00"), (0.5, f"{ORANGE}00"), (1, ORANGE)]
)
# A light grey square behind each image of weights, because small weights are transparent.
TILE_COLOURS = LinearSegmentedColormap.from_list("tiles", ["#80808000", "#80808026"])
COUNT_COLOURS = LinearSegmentedColormap.from_list("counts", [f"{BLUE}00", BLUE])


def confusion(counts: Confusion) -> Figure:
    """Draw the confusion matrix.

    Args:
        counts: 10×10 counts; the row is the true digit, the column the predicted digit.
    Returns:
        A table of the counts. The colour of a cell shows its share of its row.
    """
    table = np.array(counts)
    figure, (axes,) = new_figure(5, 4.6)
    axes.imshow(table / np.maximum(table.sum(axis=1, keepdims=True), 1), cmap=COUNT_COLOURS, vmin=0, vmax=1.6)
    for true, predicted in zip(*np.nonzero(table), strict=True):
        font = {"color": ORANGE, "weight": "bold"} if true != predicted else {}
        axes.text(predicted, true, str(table[true, predicted]), font, ha="center", va="center")
    axes.set(xticks=range(DIGITS), yticks=range(DIGITS), xlabel="predicted digit", ylabel="true digit")
    axes.tick_params(length=0)
    return figure


def misclassified(pixels: Floats32, labels: NDArray[np.int64], probabilities: Floats32) -> Figure:
    """Draw every misclassified image with its predicted digit, its true digit and their probabilities.

    Args:
        pixels: Images, shape (N, 64), float32 in [0, 16].
        labels: True digits, shape (N,), int64 in 0…9.
        probabilities: Predicted probabilities, shape (N, 10), float32.
    Returns:
        The misclassified images side by side, in descending order of the predicted probability.
    """
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong_rows = np.flatnonzero(predicted != labels)
    wrong_rows = wrong_rows[np.argsort(-confidence[wrong_rows])]
    if not len(wrong_rows):
        figure = Figure(figsize=(3, 0.5))
        figure.text(0.5, 0.5, "none", ha="center", va="center")
        return figure
    columns = 6
    lines = -(-len(wrong_rows) // columns)
    figure = Figure(figsize=(1.3 * columns, 1.9 * lines))
    for position, row in enumerate(wrong_rows, start=1):
        axes = figure.add_subplot(lines, columns, position)
        axes.imshow(pixels[row].reshape(IMAGE_SIDE, IMAGE_SIDE), cmap="gray_r", vmin=0, vmax=INK_MAX)
        axes.axis("off")
        title = f"predicted {predicted[row]}, {confidence[row]:.1%}\ntrue {labels[row]}, "
        axes.set_title(f"{title}{probabilities[row, labels[row]]:.1%}", fontsize="small")
    return figure


def reliability(before: Sequence[ReliabilityBin], after: Sequence[ReliabilityBin]) -> Figure:
    """Draw the reliability diagrams: does a probability of 80 % mean eight correct images in ten?

    Args:
        before: The bins without the temperature.
        after: The bins with the temperature.
    Returns:
        Two diagrams. Each point is a bin; the more images the bin has, the larger the point.
    """
    figure, panels = new_figure(7, 3.6, columns=2)
    for axes, bins, when in zip(panels, (before, after), ("before", "after"), strict=True):
        rows, confidence, share_correct = np.transpose([bin_ for bin_ in bins if bin_.rows])
        axes.plot([0, 1], [0, 1], color=TEXT_COLOUR, linewidth=0.8, linestyle=":", label="calibrated")
        sizes = 8 + 12 * np.sqrt(rows)
        axes.scatter(confidence, share_correct, s=sizes, color=BLUE, alpha=0.8, linewidths=0, clip_on=False)
        axes.set(xlim=(0, 1.03), ylim=(0, 1.03), aspect="equal", title=f"{when} the temperature")
        axes.set(xlabel="probability of the predicted digit", ylabel="accuracy")
        axes.grid(visible=True)
    panels[0].legend(loc="lower right", fontsize=8)
    return figure


def filters(matrix: Floats) -> Figure:
    """Draw the weights of each unit of the first layer as an image.

    Args:
        matrix: W1, shape (64, 200).
    Returns:
        200 images of 8×8 weights, in descending order of their norm.
    """
    order = np.argsort(-np.linalg.norm(matrix, axis=0))
    tiles = matrix.T[order].reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
    figure, (axes,) = new_figure(7.2, 3.9)
    limit = float(np.quantile(np.abs(matrix), 0.995))
    axes.imshow(mosaic(np.ones_like(tiles), 20), cmap=TILE_COLOURS, vmin=0, vmax=1)
    image = axes.imshow(mosaic(tiles, 20), cmap=WEIGHT_COLOURS, vmin=-limit, vmax=limit)
    axes.axis("off")
    colour_bar = figure.colorbar(image, ax=axes, shrink=0.7, pad=0.01, label="weight of the pixel")
    colour_bar.outline.set_visible(False)
    return figure


def distortions(originals: Floats32, copies: Sequence[Floats32]) -> Figure:
    """Draw a few training images and distorted copies of them.

    Args:
        originals: Images, shape (N, 64), float32 in [0, 16].
        copies: Distorted copies of all images, each array of the same shape.
    Returns:
        One line for each image, with the original at the left.
    """
    tiles = np.stack([originals, *copies], axis=1).reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
    columns = 1 + len(copies)
    figure, (axes,) = new_figure(7.2, 0.2 + 7 * len(originals) / columns)
    axes.imshow(mosaic(tiles, columns), cmap="gray_r", vmin=0, vmax=INK_MAX)
    axes.axis("off")
    axes.text(0, -2, "original", fontsize=8)
    axes.text(IMAGE_SIDE + GAP, -2, "distorted for training", fontsize=8)
    return figure


def handwriting(pictures: Sequence[Floats32], pixels: Floats32, columns: int) -> Figure:
    """Draw synthetic digits, and the images that the network is trained on.

    Args:
        pictures: Foreground coverage of N digits, each of shape (height, width), float32 in [0, 1].
        pixels: Normalised images of the same digits, shape (N, 64), float32 in [0, 16].
        columns: Number of digits in a line.
    Returns:
        The pictures on the left, their images on the right, in reading order.
    """
    side = max(max(picture.shape) for picture in pictures)
    tiles = np.zeros((len(pictures), side, side), np.float32)
    for tile, picture in zip(tiles, pictures, strict=True):
        top, left = (side - np.array(picture.shape)) // 2
        tile[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    figure, (left_axes, right_axes) = new_figure(7.6, 0.3 + 3.8 * len(pictures) / columns**2, columns=2)
    images = pixels.reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
    for axes, mosaics, vmax in ((left_axes, tiles, 1), (right_axes, images, INK_MAX)):
        axes.imshow(mosaic(mosaics, columns), cmap="gray_r", vmin=0, vmax=vmax)
        axes.axis("off")
    left_axes.set_title("drawn by the generator", fontsize=8)
    right_axes.set_title("normalised for the network", fontsize=8)
    return figure


def curves(released: Curve, folds: Sequence[Curve]) -> Figure:
    """Draw the training curves of the released network and of the networks of the cross-validation.

    Args:
        released: Curve of the released network, scored on the training rows.
        folds: Curve of each fold of the cross-validation, scored on the rows of that fold.
    Returns:
        Log-loss and accuracy over the epochs.
    """
    figure, (left, right) = new_figure(7.6, 3.4, columns=2)
    losses, accuracies = [fold.log_loss for fold in folds], [fold.accuracy for fold in folds]
    for axes, by_fold, label in ((left, losses, None), (right, accuracies, "unseen forms: each fold, and the mean")):
        axes.plot(folds[0].epoch, np.transpose(by_fold), color=ORANGE, linewidth=0.7, alpha=0.6)
        axes.plot(folds[0].epoch, np.mean(by_fold, axis=0), color=ORANGE, label=label)
        axes.grid(visible=True)
    left.plot(released.epoch, released.loss, color=BLUE, linestyle=":", label="distorted and synthetic images")
    left.plot(released.epoch, released.log_loss, color=BLUE)
    right.plot(released.epoch, released.accuracy, color=BLUE, label="training rows, undistorted")
    left.set(xlabel="epoch", ylabel="log-loss in nats", yscale="log")
    right.set(xlabel="epoch", ylabel="accuracy", ylim=(0.9, 1.004))
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    left.legend(fontsize=8, loc="upper right")
    right.legend(fontsize=8, loc="lower right")
    return figure


def mosaic(tiles: Floats, columns: int) -> Floats:
    """Arrange small images in a grid, in reading order.

    Args:
        tiles: Square images, shape (lines x columns, side, side).
        columns: Number of images in a line.
    Returns:
        One large image. The gaps between the small images are NaN, which matplotlib leaves transparent.
    """
    padded = np.pad(tiles, ((0, 0), (0, GAP), (0, GAP)), constant_values=np.nan)
    side = padded.shape[-1]
    grid = padded.reshape(-1, columns, side, side).swapaxes(1, 2)
    return grid.reshape(-1, columns * side)[:-GAP, :-GAP]
