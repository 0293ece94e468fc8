"""Telling ink from paper: the brightness of a picture goes in, its ink comes out.

Pen and paper may each be dark or light, and paper is hardly ever of one brightness: it is shaded,
it bends, a hand throws a shadow. So the paper is estimated first, everywhere, and ink is what departs
from it, to the one side to which more does. All but the last step is done on a coarse grid.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.errors import BlankPictureError, PictureShapeError
from model.mlp import Floats32
from model.picture.resample import resize

GRID = 48  # cells along the longer side of the coarse picture
FRAME = 16  # the frame of a picture is as wide as a 16th of its shorter side
FITS = 6  # rounds of reweighting; the surface stands still after four or five
LEVELS = 6  # rounds of thresholding
PEN_SHARE = 0.5  # of the shorter side; what is narrower than this is ink and not shadow
MIN_CONTRAST = 20  # of 255; less is the noise of a camera
STRAYS = 64  # so many of the points that depart the most may be specks, one in 1024 at most


class Paper(NamedTuple):
    """A surface through the paper of a coarse picture, and what it leaves over."""

    surface: Floats32  # (h, w), brightness
    rest: Floats32  # (h, w), brightness above it; negative below
    lopsidedness: float  # of the rest, in [-1, 1]


def subtract_background(brightness: NDArray[np.uint8]) -> Floats32:
    """Take the ink off the paper.

    Args:
        brightness: Shape (height, width), uint8: 0 is black, 255 is white. Ink may be either.
    Returns:
        Shape (height, width), float32: 0 is paper, 1 is what the pen leaves where it covers a point
        wholly, and in between is an edge.
    Raises:
        PictureShapeError: The array has another number of axes, or no points.
        BlankPictureError: Nothing stands out from the paper.
    """
    if brightness.ndim != 2 or brightness.size == 0:
        raise PictureShapeError(f"a picture must have shape (height, width), not {brightness.shape}")
    height, width = brightness.shape
    scale = max(1.0, max(height, width) / GRID)
    rows, columns = max(1, round(height / scale)), max(1, round(width / scale))
    picture: Floats32 = brightness.astype(np.float32)
    coarse = resize(picture, rows, columns)
    paper = estimate_paper(coarse)
    sign = np.float32(np.sign(paper.lopsidedness) or -1)  # -1: the ink is darker than the paper
    ground = sign * paper.surface + remove_strokes(sign * paper.rest)
    departure = sign * picture - resize(ground, height, width)
    full = pen_level(departure)
    if full < MIN_CONTRAST:
        raise BlankPictureError
    ink: Floats32 = np.clip(departure / full, 0, 1, dtype=np.float32)
    return ink


def estimate_paper(coarse: Floats32) -> Paper:
    """Find the surface that the paper of a picture forms.

    Two are tried: a plane through the frame, which holds no digit unless the picture is cropped to it, and
    a bowl through everything, for light that falls off towards the corners. The right one leaves ink
    over and little else, so what it leaves is lopsided.

    Args:
        coarse: Shape (h, w), float32 brightness.
    Returns:
        The surface that leaves the most lopsided rest.
    """
    height, width = coarse.shape
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    border = max(1, min(height, width) // FRAME)
    frame = np.ones(coarse.shape, dtype=bool)
    frame[border:-border, border:-border] = False
    plane = np.stack([np.ones_like(x), x, y], axis=-1)  # (h, w, 3)
    bowl = np.concatenate([plane, (x * x + y * y)[..., None]], axis=-1)  # (h, w, 4)
    surfaces = (
        plane @ fit_robustly(plane[frame], coarse[frame]),
        bowl @ fit_robustly(bowl.reshape(-1, 4), coarse.ravel()),
    )
    candidates = [Paper(s.astype(np.float32), coarse - s, lopsidedness(coarse - s)) for s in surfaces]
    return max(candidates, key=lambda paper: abs(paper.lopsidedness))


def fit_robustly(terms: NDArray[Any], values: Floats32) -> NDArray[Any]:
    """Fit a sum of terms to most of the values, and let the rest lie where they lie.

    Args:
        terms: Shape (N, T), what each term is at each value.
        values: Shape (N,).
    Returns:
        A coefficient for each term, shape (T,): those of the least absolute deviations, nearly.
    Source: iteratively reweighted least squares; Holland and Welsch 1977, "Robust regression using
        iteratively reweighted least-squares".
    """
    solution, weights = np.zeros(terms.shape[1]), np.ones(len(values))
    for _ in range(FITS):
        weighted = terms.T * weights  # (T, N)
        solution = np.linalg.lstsq(weighted @ terms, weighted @ values, rcond=None)[0]
        weights = 1 / np.maximum(np.abs(values - terms @ solution), 1)
    return solution


def lopsidedness(rest: NDArray[Any]) -> float:
    """Say to which side of zero values depart, the far ones counting most.

    Args:
        rest: Any shape.
    Returns:
        Sum of the cubes by the sum of their absolute values, in [-1, 1]; 0 if there are none.
    Example:
        >>> lopsidedness(np.array([1.0, 1.0, -2.0]))
        -0.6
    """
    cubes = rest**3
    total = float(np.abs(cubes).sum())
    return float(cubes.sum()) / total if total else 0.0


def remove_strokes(rest: Floats32) -> Floats32:
    """Cut off what is high and narrow, as strokes are, and keep what is high and wide, as shadows are.

    Beyond its edges a picture goes on as it ends, so that a shadow in a corner counts as wide.

    Args:
        rest: Shape (h, w), float32, strokes high.
    Returns:
        The same without strokes.
    Source: opening with a square, of which the strokes are the top hat; Meyer 1979, "Iterative image
        transformations for an automatic screening of cervical smears".
    """
    reach = max(1, round(min(rest.shape) * PEN_SHARE / 2))
    ground = np.pad(rest, 2 * reach, mode="edge")
    for extreme in (np.minimum, np.maximum):
        for _ in range(2):  # along one axis, and then, turned, along the other
            ground = slide(extreme, ground, 2 * reach + 1).T
    return ground


def slide(extreme: np.ufunc, values: NDArray[Any], width: int) -> NDArray[Any]:
    """Find the extreme of every window along the first axis, by windows that grow to twice their width.

    Args:
        extreme: `np.minimum` or `np.maximum`.
        values: Shape (h, w).
        width: Of a window, 1 to h.
    Returns:
        Shape (h - width + 1, w).
    Source: logarithmic decomposition; Pecht 1985, "Speeding up successive Minkowski operations with
        bit-plane computers".
    Example:
        >>> slide(np.maximum, np.array([[3], [1], [2], [0]]), 3).T
        array([[3, 2]])
    """
    reached = 1
    while reached < width:
        step = min(reached, width - reached)  # two windows may overlap: an extreme does not count twice
        values = extreme(values[:-step], values[step:])
        reached += step
    return values


def pen_level(departure: Floats32) -> float:
    """Find how far the pen's marks depart from the paper.

    Args:
        departure: Any shape, about 0 on paper and positive on ink.
    Returns:
        The mean departure of ink, where ink is what departs by more than half of that.
    Source: Ridler and Calvard 1978, "Picture thresholding using an iterative selection method", started
        from the far end, because ink may be a thousandth of a picture.
    """
    flat = departure.ravel()
    strays = min(STRAYS, flat.size // 1024)
    far = flat[flat > flat.max() / 2]
    if far.size <= strays:
        far = flat
    level = float(np.partition(far, far.size - 1 - strays)[far.size - 1 - strays])
    flat = flat[flat > min(level / 2, level / 2**LEVELS)]  # no round falls below half of the last
    for _ in range(LEVELS):
        marks = flat[flat > level / 2]
        if marks.size == 0:
            return 0.0
        level = float(marks.mean())
    return level
