"""Strokes are smooth curves through their control points, and vary at their ends and by gaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import CubicHermiteSpline

from training.handwriting import strokes
from training.handwriting.strokes import STEPS, arc_lengths, draw_strokes, lift_pen, smooth, vary_end
from training.handwriting.styles import load_styles, parse_style

STYLES = [style for styles in load_styles() for style in styles]
LINE = np.linspace([0, 0], [0, 1], 21)  # a vertical line, 1 long


@given(st.sampled_from(STYLES), st.integers(0, 2**32))
def test_every_stroke_is_a_line_of_finite_points(style, seed):
    drawn = draw_strokes(style, np.random.default_rng(seed))
    assert len(drawn) >= len(style.stroke_starts) + 1
    for stroke in drawn:
        assert stroke.shape[0] >= 2
        assert np.isfinite(stroke).all()


def test_a_curve_is_the_catmull_rom_spline_through_its_points():
    points = np.random.default_rng(0).random((6, 2))
    extended = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    tangents = (extended[2:] - extended[:-2]) / 2
    spline = CubicHermiteSpline(np.arange(6), points, tangents)
    np.testing.assert_allclose(smooth(points, np.zeros(6, bool)), spline(np.arange(5 * STEPS + 1) / STEPS), atol=1e-12)


def test_the_lines_between_corners_are_straight():
    points = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    curve = smooth(points, np.ones(4, bool))
    for point in curve:
        assert np.isclose(point, [[0, 0], [1, 1]]).any(), point
    assert arc_lengths(curve)[-1] == pytest.approx(3)


def test_control_points_are_displaced_more_in_some_digits_than_in_others(monkeypatch):
    only(monkeypatch)
    style, rng = parse_style(1, "bare", 1, ["40,0 50,50 60,100"]), np.random.default_rng(0)
    drawn = np.array([np.concatenate(draw_strokes(style, rng))[[-1, -1 - STEPS, 0]] for _ in range(2000)])
    displacements = (drawn - style.drawings[0]).reshape(2000, -1)
    # The standard deviation of a digit is uniform from 0 to the limit, so its mean square is a third of the limit's.
    assert displacements.std() == pytest.approx(0.06 / np.sqrt(3), rel=0.05)
    assert (displacements.std(axis=1) < 0.01).mean() > 0.1


def test_a_digit_lies_between_the_drawings_of_its_style_or_a_little_beyond(monkeypatch):
    only(monkeypatch)
    monkeypatch.setattr(strokes, "MAX_JITTER", 0)
    style = parse_style(1, "bare", 1, ["40,0 50,50 60,100", "80,0 90,50 100,100"])
    rng = np.random.default_rng(0)
    drawn = np.array([np.concatenate(draw_strokes(style, rng))[[-1, -1 - STEPS, 0]] for _ in range(500)])
    shifts = drawn - style.drawings[0]  # of the three points; each curve is reversed
    np.testing.assert_allclose(shifts[:, :, 1], 0, atol=1e-12)
    np.testing.assert_allclose(shifts[:, :, 0], shifts[:, :1, 0].repeat(3, axis=1), atol=1e-12)
    assert shifts[:, 0, 0].min() == pytest.approx(0.2 - 1.3 * 0.2, abs=0.01)
    assert shifts[:, 0, 0].max() == pytest.approx(0.2 + 1.3 * 0.2, abs=0.01)


def only(monkeypatch, **values):
    """Switch all variations off, except for the named ones."""
    for name in ("OVERSHOOT", "HOOK_PROBABILITY", "GAP_PROBABILITY"):
        monkeypatch.setattr(strokes, name, values.get(name, 0))


def test_the_end_of_a_stroke_is_longer_or_shorter_in_its_own_direction(monkeypatch):
    only(monkeypatch, OVERSHOOT=0.1)
    rng = np.random.default_rng(0)
    starts = np.array([vary_end(LINE, rng)[0] for _ in range(500)])
    assert (starts[:, 0] == 0).all()
    extensions = -starts[:, 1]
    assert (extensions > 0).mean() == pytest.approx(0.5, abs=0.1)
    assert extensions.std() == pytest.approx(0.1, rel=0.2)


def test_an_end_is_never_shortened_to_nothing(monkeypatch):
    only(monkeypatch, OVERSHOOT=10)
    rng = np.random.default_rng(0)
    assert min(len(vary_end(LINE, rng)) for _ in range(50)) == 2


def test_a_hook_turns_away_from_the_stroke(monkeypatch):
    only(monkeypatch, HOOK_PROBABILITY=1)
    rng = np.random.default_rng(0)
    hooks = np.array([vary_end(LINE, rng)[0] for _ in range(200)])
    lengths = np.linalg.norm(hooks, axis=1)
    assert ((lengths >= 0.03) & (lengths <= 0.12)).all()
    assert (hooks[:, 0] > 0).mean() == pytest.approx(0.5, abs=0.15)
    turns = np.arccos(-hooks[:, 1] / lengths)  # the stroke comes from below, so the pen moves upwards at its end
    assert ((turns >= 1) & (turns <= 2.6)).all()


def test_a_gap_leaves_both_sides_of_the_stroke(monkeypatch):
    only(monkeypatch, GAP_PROBABILITY=1)
    rng, spacing = np.random.default_rng(0), 1 / 400
    line = np.linspace([0, 0], [0, 1], 401)
    gaps = []
    for _ in range(200):
        before, after = lift_pen(line, rng)
        np.testing.assert_array_equal(before[0], line[0])
        np.testing.assert_array_equal(after[-1], line[-1])
        gaps.append(after[0, 1] - before[-1, 1])
    assert 0.02 <= min(gaps) < 0.03
    assert 0.13 < max(gaps) <= 0.14 + 2 * spacing


def test_without_a_gap_the_stroke_stays_the_same(monkeypatch):
    only(monkeypatch)
    (stroke,) = lift_pen(LINE, np.random.default_rng(0))
    assert stroke is LINE
