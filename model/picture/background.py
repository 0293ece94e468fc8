"""Background subtraction: separates the strokes of a picture from their background.

The strokes may be darker or lighter than the background, or have another colour. The light is rarely uniform: a sheet
is shaded, it bends, a hand throws a shadow. So the background is estimated, on a coarse copy of the picture to save
time. `find_sheet` finds the pixels without strokes, and `interpolate` fills the gaps between them. The difference from
the background is projected on the direction of colour in which the strokes differ most. Then it is corrected for the
light.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.errors import BlankPictureError, PictureShapeError
from model.mlp import Floats32
from model.picture.components import Mask
from model.picture.resample import resize
from model.picture.sheet import find_sheet

COARSE_SIDE = 48  # pixels along the longer side of the coarse picture
REACH = 2.0  # pixels of the coarse picture; the weight of a neighbour falls by the factor e over this distance
DARKEST_LIGHT = 16  # grey levels that are added to the light, so that a black background is not amplified
MIN_GAIN_CHANGE = 0.01  # smaller changes are ignored, to save time on clean drawings
SHEET_SHARE = 0.75  # of a pixel; pixels with less of the sheet belong to the desk
CONTRAST_ROUNDS = 6  # rounds of the iteration in `foreground_contrast`
MIN_CONTRAST = 20  # of 255; smaller differences are camera noise
# The largest differences are ignored as specks: one for every 1024 pixels, but at most 64.
MAX_OUTLIERS = 64


class Background(NamedTuple):
    """The background of a coarse picture.

    Args:
        brightness: Projection of its colour on the direction of the strokes, shape (h, w), float32.
        gain: Factor that corrects for the light, shape (h, w), float32: above 1 in a shadow.
        is_sheet: False on the desk, shape (h, w).
        direction: Direction in which the colour of the strokes differs, shape (C,), float32. Its absolute values sum to
            1.
    """

    brightness: Floats32
    gain: Floats32
    is_sheet: Mask
    direction: Floats32


def subtract_background(picture: NDArray[np.uint8]) -> Floats32:
    """Subtract the background of a picture.

    Args:
        picture: Brightness of a grey picture, shape (height, width), or of C colours, shape (height, width, C), uint8.
            The strokes may be darker or lighter than the background, or have another colour.
    Returns:
        Foreground coverage in [0, 1], shape (height, width), float32: 0 is background, 1 is a pixel that
        a stroke covers completely. The edges of strokes lie in between. The desk beside the sheet is background.
    Raises:
        PictureShapeError: The array has another number of axes, or no pixels.
        BlankPictureError: Nothing stands out from the background.
    """
    colours = picture[..., None] if picture.ndim == 2 else picture
    if colours.ndim != 3 or colours.size == 0:
        raise PictureShapeError(f"a picture must have shape (height, width) or (height, width, C), not {picture.shape}")
    planes = np.moveaxis(colours, -1, 0).astype(np.float32)  # (C, height, width)
    height, width = planes.shape[1:]
    scale = max(1.0, max(height, width) / COARSE_SIDE)
    rows, columns = max(1, round(height / scale)), max(1, round(width / scale))
    background = estimate_background(np.stack([resize(plane, rows, columns) for plane in planes], axis=-1))
    difference = project(planes, background.direction) - resize(background.brightness, height, width)
    if np.ptp(background.gain) > MIN_GAIN_CHANGE:
        difference *= resize(background.gain, height, width)
    if not background.is_sheet.all():
        difference *= resize(background.is_sheet.astype(np.float32), height, width) > SHEET_SHARE
    contrast = foreground_contrast(difference)
    if contrast < MIN_CONTRAST:
        raise BlankPictureError
    return np.asarray(np.clip(difference / contrast, 0, 1), np.float32)


def estimate_background(coarse: Floats32) -> Background:
    """Estimate the background of a coarse picture.

    Args:
        coarse: Brightness of each colour, shape (h, w, C), float32 in [0, 255].
    Returns:
        The background.
    """
    sheet = find_sheet(coarse)
    colour = sheet.surface + interpolate(coarse - sheet.surface, sheet.is_background)
    direction = foreground_direction((coarse - colour)[sheet.is_sheet])
    light = colour.mean(axis=-1).clip(0) + DARKEST_LIGHT
    gain = light[sheet.is_sheet].mean() / light
    return Background(project(np.moveaxis(colour, -1, 0), direction), gain, sheet.is_sheet, direction)


def interpolate(values: Floats32, is_known: Mask) -> Floats32:
    """Smooth values, and fill the gaps between the known ones.

    Args:
        values: Shape (h, w, C).
        is_known: True where the values are known, shape (h, w).
    Returns:
        The weighted mean of the known values around each pixel, same shape; it falls to 0 beyond about 28
        pixels from all of them.
    Source: normalised convolution; Knutsson and Westin 1993, "Normalized and differential convolution".
    """
    rows, columns = (np.exp(-np.abs(np.subtract.outer(i, i)) / REACH) for i in map(np.arange, is_known.shape))
    known = is_known.astype(np.float64)
    sums = rows @ (np.moveaxis(values, -1, 0) * known) @ columns
    return np.moveaxis(sums / np.maximum(rows @ known @ columns, 1e-6), 0, -1).astype(np.float32)


def foreground_direction(difference: Floats32) -> Floats32:
    """Find the direction in which the colour of the foreground differs from the background.

    Args:
        difference: Difference of each pixel from the background, shape (N, C).
    Returns:
        The direction, shape (C,), float32; its absolute values sum to 1.
    Source: principal component analysis; Pearson 1901, "On lines and planes of closest fit to systems of points in
        space". Here each pixel counts by the square of its difference, because the background has far more pixels.
    Example:
        >>> red_on_grey = np.array([[60.0, 0.0, 0.0], [1.0, 1.0, 1.0], [-1.0, 0.0, 0.0]])
        >>> foreground_direction(red_on_grey).round(2).tolist()
        [1.0, 0.0, 0.0]
    """
    squares = np.square(difference).sum(axis=1)
    _, directions = np.linalg.eigh((difference.T * squares) @ difference)
    direction = directions[:, -1]
    # The strokes are on one side of the background, so the larger differences are those of the strokes.
    sign = np.sign(np.sum((difference @ direction) ** 3)) or -1
    return np.asarray(sign * direction / np.abs(direction).sum(), np.float32)


def project(planes: Floats32, direction: Floats32) -> Floats32:
    """Project colours on a direction.

    Args:
        planes: Brightness of each colour, shape (C, height, width).
        direction: Shape (C,).
    Returns:
        The projections, shape (height, width), float32.
    """
    projection = np.asarray(planes[0] * direction[0], np.float32)
    for plane, factor in zip(planes[1:], direction[1:], strict=True):
        projection += plane * factor
    return projection


def foreground_contrast(difference: Floats32) -> float:
    """Estimate the difference from the background at pixels that a stroke covers completely.

    Args:
        difference: Difference from the background in grey levels (of 255), any shape; about 0 on background,
            positive on strokes.
    Returns:
        The mean difference of the foreground, found by iteration: each round takes the values above half of
        the previous mean. 0 if there are none.
    Source: Ridler and Calvard 1978, "Picture thresholding using an iterative selection method". Here the
        iteration starts at the largest differences, because the foreground can be 1/1000 of a picture.
    """
    values = difference.ravel()
    outliers = min(MAX_OUTLIERS, values.size // 1024)
    candidates = values[values > values.max() / 2]  # a shorter array to partition
    if candidates.size <= outliers:
        candidates = values
    # Start with the largest value after the outliers are skipped.
    contrast = float(np.partition(candidates, -1 - outliers)[-1 - outliers])
    # To save time, drop the values that no round can use. The limit of a round is half of the contrast before it; the
    # round uses only values above this limit. A round at most halves a positive contrast, so no limit is below
    # contrast / 2**CONTRAST_ROUNDS. Each round raises a negative contrast, so the first limit, contrast / 2, is lowest.
    values = values[values > min(contrast / 2, contrast / 2**CONTRAST_ROUNDS)]
    for _ in range(CONTRAST_ROUNDS):
        foreground = values[values > contrast / 2]
        if foreground.size == 0:
            return 0.0
        contrast = float(foreground.mean())
    return contrast
