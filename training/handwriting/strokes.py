"""Strokes of a digit: blends the drawings of a style to a new drawing, and varies each stroke on its own.

All lengths are in heights of the digit. To choose the limits and probabilities, networks were trained on synthetic
digits without the training rows, and scored on the training rows and on recorded strokes (`docs/experiments.md`).
"""

import math

import numpy as np
from numpy.typing import NDArray

from model import Floats
from training.handwriting.styles import Style

CONCENTRATION = 0.3  # of the Dirichlet distribution of the blend; small values prefer one of the drawings
EXTRAPOLATION = 1.3  # factor of a blend's distance from the mean drawing; above 1 a blend can lie beyond the drawings
MAX_JITTER = 0.06  # limit of the standard deviation of the displacement of a digit's control points
OVERSHOOT = 0.08  # standard deviation of the change of length at each end of a stroke
HOOK_PROBABILITY = 0.12  # of each end of a stroke
HOOK_LENGTHS = (0.03, 0.12)
HOOK_TURNS = (1.0, 2.6)  # radians by which the pen turns, to either side
GAP_PROBABILITY = 0.08  # of each stroke
GAP_STARTS = (0.2, 0.8)  # as a share of the stroke's length
GAP_LENGTHS = (0.02, 0.14)  # the gap extends to the next points, so it is up to two point distances longer

STEPS = 5  # points of a curve for each section between two control points
TANGENT_SEGMENTS = 3  # the direction at an end of a curve is measured over so many line segments
POSITIONS = np.arange(STEPS) / STEPS  # of the points of a section, in [0, 1)
# Catmull-Rom basis, shape (STEPS, 4): each point of a section is a weighted mean of four control points, the two ends
# of the section and their neighbours. Source: Catmull and Rom 1974, "A class of local interpolating splines".
BASIS = np.vander(POSITIONS, 4, increasing=True) @ (
    np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2
)


def draw_strokes(style: Style, rng: np.random.Generator) -> list[Floats]:
    """Draw a digit in a style.

    Args:
        style: The style.
        rng: Source of randomness.
    Returns:
        The strokes as polylines, each of shape (n, 2) with n at least 2: x and y in heights of the digit.
    """
    count = len(style.drawings)
    blend = 1 / count + EXTRAPOLATION * (rng.dirichlet(np.full(count, CONCENTRATION)) - 1 / count)
    points = np.tensordot(blend, style.drawings, axes=1)  # (P, 2)
    points += rng.uniform(0, MAX_JITTER) * rng.standard_normal(points.shape)
    strokes, corners = (np.split(array, style.stroke_starts) for array in (points, style.corners))
    curves = [smooth(*pair) for pair in zip(strokes, corners, strict=True)]
    # The second end is varied on the reversed curve, and the direction of a curve does not matter later.
    curves = [vary_end(vary_end(curve, rng)[::-1], rng) for curve in curves]
    return [part for curve in curves for part in lift_pen(curve, rng)]


def smooth(points: Floats, corners: NDArray[np.bool_]) -> Floats:
    """Connect control points by a smooth curve with corners.

    A repeated control point makes the tangents on its two sides independent, which is a corner.

    Args:
        points: Control points, shape (P, 2) with P at least 2.
        corners: True at corners, shape (P,).
    Returns:
        Polyline through all control points, shape (n, 2) with n at least 2.
    """
    knots = np.repeat(points, 1 + corners.astype(int), axis=0)
    # The neighbours beyond the ends are mirror images, so the curve leaves each end towards the next control point.
    knots = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    sections = np.stack([knots[:-3], knots[1:-2], knots[2:-1], knots[3:]], axis=1)  # (sections, 4, 2)
    is_section = (sections[:, 1] != sections[:, 2]).any(axis=1)  # not between a corner and its copy
    return np.concatenate([(BASIS @ sections[is_section]).reshape(-1, 2), points[-1:]])


def vary_end(curve: Floats, rng: np.random.Generator) -> Floats:
    """Make a curve longer or shorter at its start, sometimes with a hook.

    Args:
        curve: Polyline, shape (n, 2) with n at least 2.
        rng: Source of randomness.
    Returns:
        Another polyline, shape (m, 2) with m at least 2.
    """
    extension = rng.normal(0, OVERSHOOT)
    if extension > 0:
        curve = np.concatenate([[curve[0] + extension * outward_direction(curve)], curve])
    else:
        lengths = arc_lengths(curve)
        curve = curve[lengths >= min(-extension, lengths[-2])]
    if rng.random() < HOOK_PROBABILITY:
        turn = rng.uniform(*HOOK_TURNS) * rng.choice([-1, 1])
        cosine, sine = math.cos(turn), math.sin(turn)
        hook = np.array([[cosine, -sine], [sine, cosine]]) @ outward_direction(curve)
        curve = np.concatenate([[curve[0] + rng.uniform(*HOOK_LENGTHS) * hook], curve])
    return curve


def outward_direction(curve: Floats) -> Floats:
    """Compute the direction in which a curve would continue beyond its start.

    Args:
        curve: Polyline, shape (n, 2) with n at least 2.
    Returns:
        Vector of length 1, shape (2,); zero if the curve returns to its start at once.
    """
    direction: Floats = curve[0] - curve[min(TANGENT_SEGMENTS, len(curve) - 1)]
    return direction / max(float(np.linalg.norm(direction)), 1e-9)


def lift_pen(curve: Floats, rng: np.random.Generator) -> list[Floats]:
    """Sometimes leave a gap in a curve.

    Args:
        curve: Polyline, shape (n, 2) with n at least 2.
        rng: Source of randomness.
    Returns:
        The curve, or its parts before and after the gap. A part of fewer than two points is left out; if both are,
        the curve has no gap.
    """
    if rng.random() >= GAP_PROBABILITY:
        return [curve]
    lengths = arc_lengths(curve)
    start = rng.uniform(*GAP_STARTS) * lengths[-1]
    parts = [curve[lengths < start], curve[lengths > start + rng.uniform(*GAP_LENGTHS)]]
    return [part for part in parts if len(part) > 1] or [curve]


def arc_lengths(curve: Floats) -> Floats:
    """Compute the length of a curve from its start to each of its points.

    Args:
        curve: Polyline, shape (n, 2).
    Returns:
        Lengths, shape (n,), ascending from 0.
    Example:
        >>> arc_lengths(np.array([[0, 0], [3, 4], [3, 5]])).tolist()
        [0.0, 5.0, 6.0]
    """
    return np.concatenate([[0], np.linalg.norm(np.diff(curve, axis=0), axis=1).cumsum()])
