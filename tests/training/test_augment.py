"""Distorted images look as another writer could have drawn them, and stay within 0…16."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.interpolate import CubicHermiteSpline

from model import IMAGE_SIDE, INK_MAX, PIXELS
from training.augment import (
    BORDER_PIXELS,
    CENTRE,
    POINTS_PER_PIXEL,
    UPSAMPLED_SIDE,
    Distorter,
    Distortion,
    smoothing_matrix,
    upsample,
)
from training.recipe import RELEASED_RECIPE

images = arrays(np.float32, (3, PIXELS), elements=st.floats(0, 16, width=32))
NO_DISTORTION = Distortion(0, 0, 0, 0, 0, 1, 0)
LIMITS = RELEASED_RECIPE.distortion

# Distance of each pixel from the centre of the image, shape (64,).
Y, X = np.array(np.divmod(np.arange(PIXELS), IMAGE_SIDE)) - CENTRE


def source_points(limits, count=50):
    """The points that the pixels of distorted images show, as distances y and x from the centre."""
    blank = np.zeros((count, PIXELS), np.float32)
    return Distorter(blank, limits).source_points(np.random.default_rng(0))


@given(images, st.integers(0, 2**32))
def test_distort_keeps_shape_dtype_and_bounds(pixels, seed):
    distorted = Distorter(pixels, LIMITS).distort(np.random.default_rng(seed))
    assert distorted.shape == pixels.shape
    assert distorted.dtype == np.float32
    assert ((distorted >= 0) & (distorted <= INK_MAX)).all()


@given(images)
def test_distort_returns_the_same_images_if_all_limits_are_zero(pixels):
    distorted = Distorter(pixels, NO_DISTORTION).distort(np.random.default_rng(0))
    np.testing.assert_allclose(distorted, pixels, atol=1e-5)


@given(images)
def test_distort_does_not_change_its_input(pixels):
    before = pixels.copy()
    Distorter(pixels, LIMITS).distort(np.random.default_rng(0))
    np.testing.assert_array_equal(pixels, before)


def test_distort_repeats_itself_for_the_same_seed_and_differs_on_the_next_call(split):
    distorter = Distorter(split.training.pixels[:20], LIMITS)
    rng = np.random.default_rng(7)
    first, second = distorter.distort(rng), distorter.distort(rng)
    np.testing.assert_array_equal(first, distorter.distort(np.random.default_rng(7)))
    assert not np.array_equal(first, second)


def test_rotation_turns_pixels_about_the_centre_within_its_limit():
    y, x = source_points(replace(NO_DISTORTION, rotation_degrees=90))
    np.testing.assert_allclose(np.hypot(y, x), np.tile(np.hypot(Y, X), (50, 1)), rtol=1e-5)
    angles = np.rad2deg(np.arctan2(y, x) - np.arctan2(Y, X))[:, 0]
    within_half_turn = (angles + 180) % 360 - 180
    assert 60 < np.abs(within_half_turn).max() <= 90


def test_shear_moves_each_image_row_in_proportion_to_its_distance_from_the_centre():
    y, x = source_points(replace(NO_DISTORTION, shear=0.5))
    np.testing.assert_allclose(y, np.tile(Y, (50, 1)), atol=1e-5)
    shear = (x - X) / Y
    assert np.ptp(shear, axis=1).max() < 1e-5
    assert 0.3 < np.abs(shear).max() <= 0.5


def test_scale_changes_height_and_width_separately_within_its_limit():
    y, x = source_points(replace(NO_DISTORTION, scale=0.5))
    heights, widths = Y / y, X / x
    for factors in (heights, widths):
        assert np.ptp(factors, axis=1).max() < 1e-5
        assert 0.5 <= factors.min() < 0.7
        assert 1.3 < factors.max() <= 1.5
    assert np.abs(heights - widths).max() > 0.1


def test_shift_moves_all_pixels_of_an_image_by_the_same_amount_within_its_limit():
    y, x = source_points(replace(NO_DISTORTION, shift_pixels=2))
    for displacement in (y - Y, x - X):
        assert np.ptp(displacement, axis=1).max() < 1e-5
        assert 1.5 < np.abs(displacement).max() <= 2


def test_elastic_displacements_have_the_requested_standard_deviation():
    y, x = source_points(replace(NO_DISTORTION, elastic_pixels=0.5, elastic_reach_pixels=2), count=2000)
    for displacement in (y - Y, x - X):
        np.testing.assert_allclose(np.std(displacement, axis=0), 0.5, rtol=0.1)


@given(st.floats(0.5, 5))
def test_smoothing_matrix_correlates_near_pixels_more_than_far_pixels(reach):
    correlations = smoothing_matrix(reach).T @ smoothing_matrix(reach)
    np.testing.assert_allclose(correlations.diagonal(), 1, rtol=1e-5)
    assert correlations[0, 1] > correlations[0, 2] > correlations[0, 7]


@pytest.mark.parametrize("ink", [0.3, 1])
def test_ink_multiplies_all_pixels_of_an_image_by_one_factor(split, ink):
    pixels = split.training.pixels[:50]
    distorted = Distorter(pixels, replace(NO_DISTORTION, ink=ink)).distort(np.random.default_rng(0))
    is_unclipped = (pixels > 0) & (distorted < INK_MAX)
    for before, after, unclipped in zip(pixels, distorted, is_unclipped, strict=True):
        factors = after[unclipped] / before[unclipped]
        assert np.ptp(factors) < 1e-4
        assert np.exp(-ink) <= factors.max() <= np.exp(ink)


@given(images)
def test_upsample_agrees_with_the_cubic_interpolation_of_scipy(pixels):
    padding = BORDER_PIXELS + 2
    points = (np.arange(UPSAMPLED_SIDE) + 0.5) / POINTS_PER_PIXEL - 0.5 - BORDER_PIXELS + padding
    nodes = np.arange(IMAGE_SIDE + 2 * padding)

    def interpolate(values, axis):
        derivatives = np.gradient(values, axis=axis)
        return CubicHermiteSpline(nodes, values, derivatives, axis=axis)(points)

    for image, upsampled in zip(pixels, upsample(pixels), strict=True):
        padded = np.pad(image.reshape(IMAGE_SIDE, IMAGE_SIDE).astype(np.float64), padding)
        expected = np.clip(interpolate(interpolate(padded, 0), 1), 0, INK_MAX)
        np.testing.assert_allclose(upsampled, expected, atol=1e-4)
