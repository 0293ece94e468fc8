"""The picture of `model/picture/background.py` and `model/picture/normalise.py` at work: one digit, step by step."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from model import NORMALISATION_STEPS, subtract_background
from training.plots import STYLE

SIDE = 120
# A six that leans to the right, and two specks: the radius of the pen, and x and y of the ends of lines.
LINES = (
    (6, (88, 20), (66, 42), (48, 72), (45, 90), (54, 101), (70, 97), (78, 82), (70, 71), (52, 76)),
    (2.5, (18, 30), (19, 30)),
    (2.5, (104, 98), (104, 99)),
)


@mpl.rc_context(fname=STYLE)
def steps() -> Figure:
    """Show what becomes of a picture until the network sees it.

    Returns:
        A row of pictures, each under the name of the function that made it.
    """
    stages = list(stages_of(photograph()))
    figure = Figure(figsize=(1.25 * len(stages), 1.7))
    for axes, (name, stage) in zip(figure.subplots(1, len(stages)), stages, strict=True):
        axes.imshow(stage, cmap="gray" if name == "a picture" else "gray_r", vmin=0)
        axes.set_title(name, fontsize="small")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(True)
    return figure


def stages_of(brightness: NDArray[np.uint8]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Follow a picture on its way.

    Args:
        brightness: Shape (height, width), uint8.
    Yields:
        The name of each step, and what it made.
    """
    yield "a picture", brightness
    stage: NDArray[Any] = subtract_background(brightness)
    yield "subtract_background", stage
    for step in NORMALISATION_STEPS:
        stage = step(stage)
        yield step.__name__, stage


def photograph() -> NDArray[np.uint8]:
    """Draw a digit on grey paper to which light comes from one side.

    Returns:
        Brightness, shape (120, 120), uint8.
    """
    points = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=-1)  # (120, 120, 2), x and y
    ink = np.zeros((SIDE, SIDE))
    for radius, *ends in LINES:
        for start, end in pairwise(np.array(ends, dtype=float)):
            ink = np.maximum(ink, (radius + 0.5 - distance(points, start, end)).clip(0, 1))
    paper = 110 + points @ (1, 0.2)  # (120, 120)
    return (paper * (1 - 0.7 * ink)).astype(np.uint8)


def distance(points: NDArray[Any], start: NDArray[Any], end: NDArray[Any]) -> NDArray[Any]:
    """Measure how far points are from a line.

    Args:
        points: Shape (..., 2).
        start: Where the line starts, shape (2,).
        end: Where it ends, elsewhere.
    Returns:
        Shape (...).
    """
    line = end - start
    along = ((points - start) @ line / (line @ line)).clip(0, 1)
    apart: NDArray[Any] = np.linalg.norm(points - start - along[..., None] * line, axis=-1)
    return apart
