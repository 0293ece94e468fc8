"""The styles in which people write digits, parsed from `styles.toml`.

In `styles.toml`, a drawing is a text: its strokes, separated by `|`. A stroke is a sequence of control points `x,y` in
percent of the digit's height: x points right, y points down, and 50,50 is the middle. An exclamation mark after a point
inside a stroke marks a corner; at all other points the stroke is smooth.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model import DIGITS, Floats

STYLES_FILE = Path(__file__).with_name("styles.toml")


@dataclass(frozen=True, eq=False)
class Style:
    """One way to write a digit, with one or more drawings between which the generator blends.

    Args:
        digit: The digit, 0…9.
        name: Name of the style, unique among the styles of the digit.
        share: How often the style is drawn, relative to the other styles of the digit; above 0.
        drawings: Control points of the drawings, shape (V, P, 2), x and y in heights of the digit. All drawings of a
            style have the same points in the same order.
        corners: True at the points where the stroke has a corner, shape (P,).
        stroke_starts: Index of the first point of each stroke but the first, ascending.
    """

    digit: int
    name: str
    share: float
    drawings: Floats
    corners: NDArray[np.bool_]
    stroke_starts: list[int]


@cache
def load_styles() -> tuple[tuple[Style, ...], ...]:
    """Load all styles.

    Returns:
        The styles of each digit, from 0 to 9.
    """
    tables = tomllib.loads(STYLES_FILE.read_text(encoding="utf-8"))
    return tuple(tuple(parse_style(digit, **table) for table in tables[str(digit)]) for digit in range(DIGITS))


def choose_style(digit: int, rng: np.random.Generator) -> Style:
    """Choose a style of a digit at random, according to the shares of the styles.

    Args:
        digit: The digit, 0…9.
        rng: Source of randomness.
    Returns:
        The style.
    """
    styles = load_styles()[digit]
    shares = np.array([style.share for style in styles])
    return styles[rng.choice(len(styles), p=shares / shares.sum())]


def parse_style(digit: int, name: str, share: float, drawings: list[str]) -> Style:
    """Parse a style.

    Args:
        digit: The digit, 0…9.
        name: Name of the style.
        share: How often the style is drawn, relative to the other styles of the digit.
        drawings: Texts of the drawings.
    Returns:
        The style.
    Raises:
        ValueError: Two drawings have different numbers of strokes or points, or different corners, or a stroke has
            fewer than two points.
    Example:
        >>> style = parse_style(7, "plain", 1, ["10,0 80,0! 40,100", "20,5 90,0! 60,100"])
        >>> style.drawings.shape, style.corners.tolist()
        ((2, 3, 2), [False, True, False])
    """
    points = [drawing.replace("|", " ").split() for drawing in drawings]
    corners = [[point.endswith("!") for point in drawing] for drawing in points]
    lengths = [[len(stroke.split()) for stroke in drawing.split("|")] for drawing in drawings]
    if any(other != lengths[0] for other in lengths) or any(other != corners[0] for other in corners):
        raise ValueError(f"style {name!r} of {digit}: the drawings have different strokes, points or corners")
    if min(lengths[0]) < 2:
        raise ValueError(f"style {name!r} of {digit}: a stroke must have two points")
    coordinates = [[point.rstrip("!").split(",") for point in drawing] for drawing in points]
    stroke_starts = np.cumsum(lengths[0])[:-1].tolist()
    return Style(digit, name, share, np.array(coordinates, float) / 100, np.array(corners[0]), stroke_starts)
