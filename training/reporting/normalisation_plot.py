"""The figure of the steps that convert a picture to an 8×8 image.

The steps are in `model/picture/`.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from model import NORMALISATION_STEPS, find_sheet, remove_lines, subtract_background
from training.handwriting.render import draw_lines
from training.reporting.style import new_figure

SIDE = 144  # height and width of the picture, in pixels
COARSE_BLOCK = 3  # pixels along each side of a pixel of the coarse picture
# A six that leans to the right, two specks, and the rules of the sheet. Each line is the radius of the pen, followed by
# the points (x, y) that the pen connects.
STROKES = (
    (6, (100, 32), (78, 54), (60, 84), (57, 102), (66, 113), (82, 109), (90, 94), (82, 83), (64, 88)),
    (2.5, (40, 32), (41, 32)),
    (2.5, (122, 104), (122, 105)),
)
RULES = tuple((0.8, (0, y), (SIDE, y)) for y in range(16, SIDE, 28))
DESK_WIDTH = 22  # columns at the left
PEN, BLUE, SHEET, DESK = ((50, 45, 60), (80, 110, 200), (240, 235, 225), (110, 75, 45))


def normalisation_figure() -> Figure:
    """Draw a picture and the result of each step that turns it into an 8×8 image.

    Returns:
        A row of images: the picture, and the result of each step under the name of its function.
    """
    picture = draw_picture()
    images: list[NDArray[Any]] = [picture, draw_sheet_mask(picture), subtract_background(picture)]
    steps = (remove_lines, *NORMALISATION_STEPS)
    for step in steps:
        images.append(step(images[-1]))
    names = ["picture", "find_sheet", "subtract_background", *(step.__name__ for step in steps)]
    figure, panels = new_figure(1.25 * len(images), 1.7, columns=len(images))
    for axes, name, image in zip(panels, names, images, strict=True):
        axes.imshow(image, cmap="gray_r", vmin=0)
        axes.set_title(name, fontsize="small")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(True)
    return figure


def draw_sheet_mask(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Draw what `find_sheet` finds: background is white, strokes are black, the desk is grey.

    Args:
        picture: Shape (height, width, 3), both sides multiples of `COARSE_BLOCK`.
    Returns:
        Shape (height / 3, width / 3): 0 on background, 2 on pixels that can belong to strokes, 1 on the desk.
    """
    rows, columns = (side // COARSE_BLOCK for side in picture.shape[:2])
    blocks = picture.astype(np.float32).reshape(rows, COARSE_BLOCK, columns, COARSE_BLOCK, 3)
    sheet = find_sheet(blocks.mean(axis=(1, 3)))
    return np.where(sheet.is_sheet, np.where(sheet.is_background, 0, 2), 1).astype(np.uint8)


def draw_picture() -> NDArray[np.uint8]:
    """Draw a dark digit on a ruled sheet, which lies on a desk and is lit from one side.

    Returns:
        Brightness of the three colours, shape (144, 144, 3), uint8.
    """
    picture = np.full((SIDE, SIDE, 3), SHEET, np.float64)
    for lines, colour in ((RULES, BLUE), (STROKES, PEN)):
        drawings = [draw_lines([np.array(path, dtype=float)], radius, SIDE, SIDE) for radius, *path in lines]
        picture += np.max(drawings, axis=0)[..., None] * (np.array(colour) - picture)
    picture[:, :DESK_WIDTH] = DESK
    y, x = np.indices((SIDE, SIDE)) / SIDE
    return np.asarray(picture * (0.65 + 0.3 * x + 0.05 * y)[..., None], np.uint8)
