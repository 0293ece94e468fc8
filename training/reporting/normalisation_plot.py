"""The figure that shows how a picture becomes the 8×8 image of the network, step by step.

The steps are `model/picture/background.py` and `model/picture/normalise.py`.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from model import NORMALISATION_STEPS, subtract_background
from training.handwriting.render import draw_lines
from training.reporting.style import new_figure

SIDE = 120  # height and width of the picture, in pixels
# A six that leans to the right, and two specks. Each stroke is the radius of the pen, followed by the
# points (x, y) that the pen connects.
STROKES = (
    (6, (88, 20), (66, 42), (48, 72), (45, 90), (54, 101), (70, 97), (78, 82), (70, 71), (52, 76)),
    (2.5, (18, 30), (19, 30)),
    (2.5, (104, 98), (104, 99)),
)


def normalisation_figure() -> Figure:
    """Draw a picture and the result of each step that turns it into an 8×8 image.

    Returns:
        A row of images: the picture, and the result of each step under the name of its function.
    """
    steps = (subtract_background, *NORMALISATION_STEPS)
    images: list[NDArray[Any]] = [draw_picture()]
    for step in steps:
        images.append(step(images[-1]))
    names = ["picture", *(step.__name__ for step in steps)]
    figure, panels = new_figure(1.25 * len(images), 1.7, columns=len(images))
    for axes, name, image in zip(panels, names, images, strict=True):
        axes.imshow(image, cmap="gray" if name == "picture" else "gray_r", vmin=0)
        axes.set_title(name, fontsize="small")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(True)
    return figure


def draw_picture() -> NDArray[np.uint8]:
    """Draw a dark digit on a grey sheet that is lit from one side.

    Returns:
        Brightness, shape (120, 120), uint8.
    """
    drawings = [draw_lines([np.array(path, dtype=float)], radius, SIDE, SIDE) for radius, *path in STROKES]
    coverage = np.max(drawings, axis=0)
    y, x = np.indices((SIDE, SIDE))
    background = 110 + x + 0.2 * y
    return np.asarray(background * (1 - 0.7 * coverage), np.uint8)
