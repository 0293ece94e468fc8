"""Background subtraction: separates the strokes of a picture from their background.

The strokes may be darker or lighter than the background. The brightness of the background is rarely uniform: a sheet
is shaded, it bends, a hand throws a shadow. So the background is first estimated: `fit_background` fits a smooth
surface to the brightness. The difference from this surface holds strokes and shadows. `remove_strokes` takes the
narrow strokes out of it, and the wide shadows that are left are added to the surface. The foreground is either what is
darker or what is brighter than the background, whichever differs more. To save time, the background is estimated on
a coarse copy of the picture.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.errors import BlankPictureError, PictureShapeError
from model.mlp import Floats32
from model.picture.resample import resize

COARSE_SIDE = 48  # pixels along the longer side of the coarse picture
BORDER_DIVISOR = 16  # the border's width is a 16th of the shorter side
FIT_ROUNDS = 6  # rounds of reweighting; the surface converges after four or five
CONTRAST_ROUNDS = 6  # rounds of the iteration in `foreground_contrast`
MAX_STROKE_WIDTH_SHARE = 0.5  # largest width of a stroke as a share of the shorter side; wider marks are shadows
MIN_CONTRAST = 20  # of 255; smaller differences are camera noise
# The largest differences are ignored as specks: one for every 1024 pixels, but at most 64.
MAX_OUTLIERS = 64


class BackgroundFit(NamedTuple):
    """A smooth surface fitted to the background of a coarse picture."""

    surface: Floats32  # (h, w), brightness of the background
    residual: Floats32  # (h, w), brightness minus surface
    asymmetry: float  # of the residual, in [-1, 1]


def subtract_background(brightness: NDArray[np.uint8]) -> Floats32:
    """Subtract the background of a picture.

    Args:
        brightness: Picture, shape (height, width), uint8: 0 is black, 255 is white. The strokes may be
            darker or lighter than the background.
    Returns:
        Foreground coverage in [0, 1], shape (height, width), float32: 0 is background, 1 is a pixel that
        a stroke covers completely. The edges of strokes lie in between.
    Raises:
        PictureShapeError: The array has another number of axes, or no pixels.
        BlankPictureError: Nothing stands out from the background.
    """
    if brightness.ndim != 2 or brightness.size == 0:
        raise PictureShapeError(f"a picture must have shape (height, width), not {brightness.shape}")
    height, width = brightness.shape
    scale = max(1.0, max(height, width) / COARSE_SIDE)
    rows, columns = max(1, round(height / scale)), max(1, round(width / scale))
    picture = brightness.astype(np.float32)
    fit = fit_background(resize(picture, rows, columns))
    polarity = np.float32(np.sign(fit.asymmetry) or -1)  # -1: the strokes are darker than the background
    # The background and the picture are multiplied by the polarity, so that strokes are positive.
    background = polarity * fit.surface + remove_strokes(polarity * fit.residual)
    difference = polarity * picture - resize(background, height, width)
    contrast = foreground_contrast(difference)
    if contrast < MIN_CONTRAST:
        raise BlankPictureError
    return np.asarray(np.clip(difference / contrast, 0, 1), np.float32)


def fit_background(coarse: Floats32) -> BackgroundFit:
    """Fit a smooth surface to the background of a coarse picture.

    Two surfaces are candidates. The first is a plane fitted to the border of the picture, which holds no
    strokes unless the picture is cropped tightly. The second is a paraboloid fitted to all pixels, for
    light that falls off towards the corners. A good fit leaves little but strokes in the residual, and
    strokes lie on one side of the surface. So the more asymmetric residual marks the better fit.

    Args:
        coarse: Brightness, shape (h, w), float32 in [0, 255].
    Returns:
        The candidate whose residual is more asymmetric.
    """
    height, width = coarse.shape
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    border_width = max(1, min(height, width) // BORDER_DIVISOR)
    is_border = np.ones(coarse.shape, dtype=bool)
    is_border[border_width:-border_width, border_width:-border_width] = False
    plane = np.stack([np.ones_like(x), x, y], axis=-1)  # (h, w, 3)
    paraboloid = np.concatenate([plane, (x * x + y * y)[..., None]], axis=-1)  # (h, w, 4)
    surfaces = (
        plane @ fit_robustly(plane[is_border], coarse[is_border]),
        paraboloid @ fit_robustly(paraboloid.reshape(-1, 4), coarse.ravel()),
    )
    fits = [BackgroundFit(s.astype(np.float32), coarse - s, asymmetry(coarse - s)) for s in surfaces]
    return max(fits, key=lambda fit: abs(fit.asymmetry))


def fit_robustly(terms: NDArray[Any], values: Floats32) -> NDArray[Any]:
    """Fit a linear combination of terms to values, with little influence of outliers.

    Args:
        terms: Design matrix, shape (N, T): the value of each term at each of N points.
        values: Values to fit, shape (N,), in grey levels (of 255).
    Returns:
        The coefficient of each term, shape (T,). They nearly minimise the sum of absolute residuals.
    Source: iteratively reweighted least squares; Holland and Welsch 1977, "Robust regression using
        iteratively reweighted least-squares".
    """
    coefficients, weights = np.zeros(terms.shape[1]), np.ones(len(values))
    for _ in range(FIT_ROUNDS):
        weighted = terms.T * weights  # (T, N)
        coefficients = np.linalg.lstsq(weighted @ terms, weighted @ values, rcond=None)[0]
        # Residuals below one grey level count as one, so that no weight becomes infinite.
        weights = 1 / np.maximum(np.abs(values - terms @ coefficients), 1)
    return coefficients


def asymmetry(residual: NDArray[Any]) -> float:
    """Measure on which side of zero the large values lie: -1 if all are below, 1 if all are above.

    Args:
        residual: Values of any shape.
    Returns:
        The sum of the cubes divided by the sum of their absolute values, in [-1, 1]; 0 if all values are 0.
    Example:
        >>> asymmetry(np.array([1.0, 1.0, -2.0]))
        -0.6
    """
    cubes = residual**3
    total = float(np.abs(cubes).sum())
    return float(cubes.sum()) / total if total else 0.0


def remove_strokes(residual: Floats32) -> Floats32:
    """Remove narrow positive marks, which are strokes, and keep wide ones, which are shadows.

    The pixels at the edge are repeated outside the picture, so that a shadow in a corner counts as wide.

    Args:
        residual: Residual of the background fit in grey levels (of 255), multiplied by the polarity so that strokes
            are positive, shape (h, w), float32.
    Returns:
        The residual without strokes, same shape and dtype.
    Source: morphological opening with a square; what it removes is called the top hat; Meyer 1979,
        "Iterative image transformations for an automatic screening of cervical smears".
    """
    radius = max(1, round(min(residual.shape) * MAX_STROKE_WIDTH_SHARE / 2))
    opened = np.pad(residual, 2 * radius, mode="edge")
    for extreme in (np.minimum, np.maximum):  # an erosion, then a dilation
        for _ in range(2):  # along one axis, then along the other, because each pass transposes
            opened = sliding_extreme(extreme, opened, 2 * radius + 1).T
    return opened


def sliding_extreme(extreme: np.ufunc, values: NDArray[Any], width: int) -> NDArray[Any]:
    """Compute the minimum or maximum of every window along the first axis.

    Each round combines two windows into one of up to twice the width.

    Args:
        extreme: `np.minimum` or `np.maximum`.
        values: Array of shape (h, w).
        width: Width of the windows, 1 to h.
    Returns:
        The extreme of each window, shape (h - width + 1, w).
    Source: logarithmic decomposition; Pecht 1985, "Speeding up successive Minkowski operations with
        bit-plane computers".
    Example:
        >>> sliding_extreme(np.maximum, np.array([[3], [1], [2], [0]]), 3).T
        array([[3, 2]])
    """
    current = 1  # width of the windows whose extremes `values` holds
    while current < width:
        shift = min(current, width - current)  # the two windows may overlap: that changes no extreme
        values = extreme(values[:-shift], values[shift:])
        current += shift
    return values


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
