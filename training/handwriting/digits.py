"""One synthetic digit: all steps from its style to its 8×8 image."""

import numpy as np

from model import DIGITS, PIXELS, Floats32
from training.handwriting.bend import bend
from training.handwriting.render import normalise, render
from training.handwriting.strokes import draw_strokes
from training.handwriting.styles import choose_style


def draw_images(indices: range, seed: int) -> Floats32:
    """Generate some images of a pool.

    Args:
        indices: Indices of the images in the pool.
        seed: Seed of the pool.
    Returns:
        Images, shape (N, 64), float32 in [0, 16].
    """
    return np.array([draw_digit(index, seed)[1].reshape(PIXELS) for index in indices])


def draw_digit(index: int, seed: int) -> tuple[Floats32, Floats32]:
    """Generate one image of a pool.

    Args:
        index: Index of the image in the pool, at least 0. The image shows the digit `index % 10`.
        seed: Seed of the pool.
    Returns:
        The picture: foreground coverage, shape (height, width), float32 in [0, 1]; and its normalised image,
        shape (8, 8), float32 in [0, 16].
    """
    rng = np.random.default_rng((seed, index))
    strokes = draw_strokes(choose_style(index % DIGITS, rng), rng)
    picture = render(bend(strokes, rng), rng)
    return picture, normalise(picture, rng)
