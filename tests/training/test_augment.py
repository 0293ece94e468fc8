"""A distortion bends an image as another hand might have, and stays within 0…16."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.interpolate import CubicHermiteSpline

from model import IMAGE_SIDE, INK_MAX, PIXELS
from training.augment import BORDER, CENTRE, FINE, Distorter, Distortion, fine_copies, smoother
from training.recipe import RELEASE

images = arrays(np.float32, (3, PIXELS), elements=st.floats(0, 16, width=32))
NONE = Distortion(0, 0, 0, 0, 0, 1, 0)
LIMITS = RELEASE.distortion


ROW, COLUMN = np.array(np.divmod(np.arange(PIXELS), IMAGE_SIDE)) - CENTRE


def sources(limits, count=50):
    """Where each pixel of some distorted images comes from, as offsets from the centre."""
    blank = np.zeros((count, PIXELS), np.float32)
    return Distorter(blank, limits).sources(np.random.default_rng(0))


@given(images, st.integers(0, 2**32))
def test_a_distorted_image_stays_within_the_bounds(pixels, seed):
    bent = Distorter(pixels, LIMITS).draw(np.random.default_rng(seed))
    assert bent.shape == pixels.shape
    assert bent.dtype == np.float32
    assert ((bent >= 0) & (bent <= INK_MAX)).all()


@given(images)
def test_no_distortion_is_the_identity(pixels):
    np.testing.assert_allclose(Distorter(pixels, NONE).draw(np.random.default_rng(0)), pixels, atol=1e-5)


@given(images)
def test_the_input_is_left_alone(pixels):
    before = pixels.copy()
    Distorter(pixels, LIMITS).draw(np.random.default_rng(0))
    np.testing.assert_array_equal(pixels, before)


def test_the_same_seed_bends_the_same_way_and_the_next_draw_another(split):
    distorter = Distorter(split.training.pixels[:20], LIMITS)
    rng = np.random.default_rng(7)
    first, second = distorter.draw(rng), distorter.draw(rng)
    np.testing.assert_array_equal(first, distorter.draw(np.random.default_rng(7)))
    assert not np.array_equal(first, second)


def test_a_rotation_turns_and_keeps_the_distance_from_the_centre():
    rows, columns = sources(replace(NONE, rotation_degrees=90))
    np.testing.assert_allclose(np.hypot(rows, columns), np.tile(np.hypot(ROW, COLUMN), (50, 1)), rtol=1e-5)
    angles = np.rad2deg(np.arctan2(rows, columns) - np.arctan2(ROW, COLUMN))[:, 0]
    turned = (angles + 180) % 360 - 180
    assert 60 < np.abs(turned).max() <= 90


def test_a_shear_moves_each_row_along_itself_by_its_distance_from_the_middle():
    rows, columns = sources(replace(NONE, shear=0.5))
    np.testing.assert_allclose(rows, np.tile(ROW, (50, 1)), atol=1e-5)
    shear = (columns - COLUMN) / ROW
    assert np.ptp(shear, axis=1).max() < 1e-5
    assert 0.3 < np.abs(shear).max() <= 0.5


def test_a_scale_stretches_height_and_width_apart():
    rows, columns = sources(replace(NONE, scale=0.5))
    taller, wider = ROW / rows, COLUMN / columns
    for factor in (taller, wider):
        assert np.ptp(factor, axis=1).max() < 1e-5
        assert 0.5 <= factor.min() < 0.7
        assert 1.3 < factor.max() <= 1.5
    assert np.abs(taller - wider).max() > 0.1


def test_a_shift_moves_every_pixel_alike_and_no_further_than_its_limit():
    rows, columns = sources(replace(NONE, shift_pixels=2))
    for moved in (rows - ROW, columns - COLUMN):
        assert np.ptp(moved, axis=1).max() < 1e-5
        assert 1.5 < np.abs(moved).max() <= 2


def test_elastic_displacements_have_the_spread_that_is_asked_for():
    rows, columns = sources(replace(NONE, elastic_pixels=0.5, elastic_reach_pixels=2), count=2000)
    for moved in (rows - ROW, columns - COLUMN):
        np.testing.assert_allclose(np.std(moved, axis=0), 0.5, rtol=0.1)


@given(st.floats(0.5, 5))
def test_displacements_go_together_the_more_the_nearer_they_are(reach):
    together = smoother(reach).T @ smoother(reach)  # correlations
    np.testing.assert_allclose(together.diagonal(), 1, rtol=1e-5)
    assert together[0, 1] > together[0, 2] > together[0, 7]


@pytest.mark.parametrize("ink", [0.3, 1])
def test_ink_is_only_scaled(split, ink):
    pixels = split.training.pixels[:50]
    bent = Distorter(pixels, replace(NONE, ink=ink)).draw(np.random.default_rng(0))
    unclipped = (pixels > 0) & (bent < INK_MAX)
    for before, after, kept in zip(pixels, bent, unclipped, strict=True):
        factors = after[kept] / before[kept]
        assert np.ptp(factors) < 1e-4
        assert np.exp(-ink) <= factors.max() <= np.exp(ink)


@given(images)
def test_a_fine_copy_is_scipys_cubic_between_the_pixels(pixels):
    paper = BORDER + 2
    places = (np.arange((IMAGE_SIDE + 2 * BORDER) * FINE) + 0.5) / FINE - 0.5 - BORDER + paper
    nodes = np.arange(IMAGE_SIDE + 2 * paper)

    def between(values, axis):
        slopes = np.gradient(values, axis=axis)
        return CubicHermiteSpline(nodes, values, slopes, axis=axis)(places)

    for image, fine in zip(pixels, fine_copies(pixels), strict=True):
        square = np.pad(image.reshape(IMAGE_SIDE, IMAGE_SIDE).astype(np.float64), paper)
        expected = np.clip(between(between(square, 0), 1), 0, INK_MAX)
        np.testing.assert_allclose(fine, expected, atol=1e-4)
