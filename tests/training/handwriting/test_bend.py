"""Each deformation changes a digit in its own way."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.handwriting import bend as module
from training.handwriting.bend import bend

VERTICAL = np.linspace([0.5, 0], [0.5, 1], 11)
BOX = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
NONE: dict[str, Any] = {"MAX_WAVE": 0, "BALANCE": 0, "TAPER": 0, "SIDE_TAPER": 0, "SWELL": 0, "BOW": 0}
NONE |= {"LOG_ASPECT": (0, 0), "SLANT": (0, 0), "ROTATION": (0, 0)}


@pytest.fixture
def bend_only(monkeypatch):
    """Return a function that bends one stroke many times, with the named limits and no other deformation."""

    def bend_many(stroke, **limits):
        for name, value in (NONE | limits).items():
            monkeypatch.setattr(module, name, value)
        rng = np.random.default_rng(0)
        return np.array([bend([stroke], rng)[0] for _ in range(300)])

    return bend_many


@given(st.integers(0, 2**32), st.integers(2, 9), st.integers(2, 9))
def test_strokes_keep_their_number_of_points_and_stay_near_the_digit(seed, first, second):
    rng = np.random.default_rng(seed)
    strokes = [rng.random((length, 2)) for length in (first, second)]
    bent = bend(strokes, rng)
    assert [stroke.shape for stroke in bent] == [(first, 2), (second, 2)]
    assert np.abs(np.concatenate(bent)).max() < 5


def test_without_deformations_only_the_origin_moves_to_the_middle(bend_only):
    np.testing.assert_allclose(bend_only(BOX)[0], BOX - 0.5)


def test_slant_moves_the_top_to_the_right_and_keeps_the_heights(bend_only):
    bent = bend_only(VERTICAL, SLANT=(0.2, 0.1))
    lean = bent[:, 0, 0] - bent[:, -1, 0]
    assert lean.mean() == pytest.approx(0.2, abs=0.03)
    assert lean.std() == pytest.approx(0.1, rel=0.2)
    np.testing.assert_allclose(bent[:, :, 1], np.tile(VERTICAL[:, 1] - 0.5, (300, 1)))


def test_rotation_keeps_the_distances(bend_only):
    bent = bend_only(BOX, ROTATION=(0, 0.1))
    np.testing.assert_allclose(np.linalg.norm(bent, axis=2), np.sqrt(0.5))
    angles = np.arctan2(bent[:, 1, 1] - bent[:, 0, 1], bent[:, 1, 0] - bent[:, 0, 0])
    assert angles.std() == pytest.approx(0.1, rel=0.2)


def test_aspect_scales_the_width_alone(bend_only):
    bent = bend_only(BOX, LOG_ASPECT=(-0.1, 0.2))
    widths, heights = np.ptp(bent, axis=1).T
    assert np.log(widths).mean() == pytest.approx(-0.1, abs=0.04)
    assert np.log(widths).std() == pytest.approx(0.2, rel=0.2)
    np.testing.assert_allclose(heights, 1)


def test_balance_moves_the_middle_up_or_down_and_keeps_top_and_bottom(bend_only):
    bent = bend_only(VERTICAL, BALANCE=0.2)
    np.testing.assert_allclose(bent[:, [0, -1], 1], np.tile([-0.5, 0.5], (300, 1)))
    assert np.abs(bent[:, 5, 1]).max() == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize(("limit", "axis"), [("TAPER", 0), ("SIDE_TAPER", 1)])
def test_a_taper_makes_one_side_longer_and_the_opposite_side_shorter(bend_only, limit, axis):
    bent = bend_only(BOX, **{limit: 0.3})
    first = np.abs(bent[:, 1] - bent[:, 0])[:, 0] if axis == 0 else np.abs(bent[:, 3] - bent[:, 0])[:, 1]
    second = np.abs(bent[:, 2] - bent[:, 3])[:, 0] if axis == 0 else np.abs(bent[:, 2] - bent[:, 1])[:, 1]
    np.testing.assert_allclose(first + second, 2)
    assert np.abs(first - 1).max() == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("limit", ["SWELL", "BOW"])
def test_swell_and_bow_change_the_middle_of_a_digit_horizontally(bend_only, limit):
    right_side = VERTICAL + np.array([0.5, 0])
    bent = bend_only(right_side, **{limit: 0.1})
    np.testing.assert_allclose(bent[:, :, 1], np.tile(VERTICAL[:, 1] - 0.5, (300, 1)))
    bulge = bent[:, 5, 0] - (bent[:, 0, 0] + bent[:, -1, 0]) / 2
    assert np.abs(bulge).max() == pytest.approx(0.1, abs=0.01)


def test_waves_displace_points_smoothly(bend_only):
    bent = bend_only(VERTICAL, MAX_WAVE=0.06)
    displacements = bent - (VERTICAL - 0.5)
    assert 0.03 < displacements.std() < 0.06
    assert np.abs(np.diff(displacements, axis=1)).mean() < displacements.std() / 2
