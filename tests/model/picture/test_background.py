"""Tests of background subtraction, under many kinds of light."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage

from model import BlankPictureError, PictureError, PictureShapeError, normalise_digit, subtract_background
from model.picture.background import (
    CONTRAST_ROUNDS,
    MAX_OUTLIERS,
    MAX_STROKE_WIDTH_SHARE,
    asymmetry,
    fit_background,
    fit_robustly,
    foreground_contrast,
    remove_strokes,
    sliding_extreme,
)
from tests.drawing import draw

SIDE = 160
Y, X = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
NOISE = np.random.default_rng(0).normal(0, 1, (SIDE, SIDE))

# The brightness of a white sheet under each light, from 0 to 1. Strokes have a quarter of it.
LIGHT = {
    "even": np.full((SIDE, SIDE), 0.9),
    "dim": np.full((SIDE, SIDE), 0.35),
    "from the left": 0.7 - 0.25 * X,
    "from a corner": 0.7 - 0.15 * X + 0.12 * Y,
    "falling off outwards": 0.85 - 0.25 * (X**2 + Y**2),
    "a soft shadow": 0.5 + 0.35 / (1 + np.exp(-8 * (X + Y / 2))),
    "a dark corner": np.where(X + Y < -1.2, 0.1, 0.85),
}


def draw_under_light(digit, light):
    """Draw a digit on a white sheet under the given light."""
    drawn = draw(digit, side=SIDE) / 255
    return (255 * light * (0.25 + 0.75 * drawn)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("light", LIGHT)
@pytest.mark.parametrize("is_inverted", [False, True], ids=["dark strokes", "bright strokes"])
def test_digits_are_classified_correctly_under_any_light(classify_picture, light, is_inverted):
    pictures = [draw_under_light(digit, LIGHT[light]) for digit in range(10)]
    predicted = [classify_picture(255 - picture if is_inverted else picture) for picture in pictures]
    assert predicted == list(range(10))


@pytest.mark.parametrize("contrast", [30, 60, 120])
def test_faint_strokes_on_a_noisy_background_are_classified_correctly(classify_picture, contrast):
    faint = 200 - contrast * (1 - draw(5, side=SIDE) / 255) + 3 * NOISE
    assert classify_picture(faint.clip(0, 255).astype(np.uint8)) == 5


@pytest.mark.parametrize("light", ["even", "dim", "from the left", "from a corner", "falling off outwards"])
def test_a_noisy_background_without_strokes_is_blank(light):
    with pytest.raises(BlankPictureError):
        subtract_background((255 * LIGHT[light] + 3 * NOISE).clip(0, 255).astype(np.uint8))


def test_coverage_is_one_on_strokes_and_zero_on_background():
    drawn = draw(0, side=SIDE)
    coverage = subtract_background(drawn)
    assert coverage.dtype == np.float32
    assert coverage[drawn == 0].min() > 0.98
    assert coverage[drawn == 255].max() < 1e-6


def test_coverage_is_partial_on_the_edges_of_strokes():
    drawn = draw(0, side=SIDE)
    np.testing.assert_allclose(subtract_background(drawn), 1 - drawn / 255, atol=0.04)


def test_black_on_white_and_white_on_black_give_the_same_coverage():
    drawn = draw(3, side=SIDE)
    np.testing.assert_allclose(subtract_background(drawn), subtract_background(255 - drawn), atol=1e-5)


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=70)))
def test_any_picture_gives_an_image_or_a_picture_error(brightness):
    try:
        image = normalise_digit(subtract_background(brightness))
    except PictureError:
        return
    assert image.shape == (8, 8)
    assert 0 <= image.min() <= image.max() <= 16


@pytest.mark.parametrize("shape", [(5,), (0, 4), (4, 0), (3, 3, 3), ()])
def test_an_array_without_two_axes_or_without_pixels_is_rejected(shape):
    with pytest.raises(PictureShapeError, match="height, width"):
        subtract_background(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 2)])
def test_a_uniform_picture_of_any_shape_is_blank(shape):
    with pytest.raises(BlankPictureError):
        subtract_background(np.full(shape, 77, np.uint8))


def test_fit_robustly_finds_a_plane_with_30_percent_outliers():
    rng = np.random.default_rng(1)
    terms = np.stack([np.ones(1000), *rng.uniform(-1, 1, (2, 1000))], axis=1)
    values = terms @ (100, 20, -30) + rng.normal(0, 0.5, 1000)
    values[:300] -= 90
    np.testing.assert_allclose(fit_robustly(terms, values.astype(np.float32)), (100, 20, -30), atol=1)


def test_the_fitted_surface_is_the_background_and_the_residual_is_asymmetric():
    background = (200 + 30 * X + 10 * Y)[::4, ::4].astype(np.float32)
    picture = background.copy()
    picture[10:30, 18:22] -= 120  # a dark stroke
    fit = fit_background(picture)
    np.testing.assert_allclose(fit.surface, background, atol=2)
    assert fit.asymmetry < -0.95


@given(arrays(np.float64, 20, elements=st.floats(-255, 255)))
def test_asymmetry_changes_its_sign_with_the_values(residual):
    assert -1 <= asymmetry(residual) <= 1
    assert asymmetry(-residual) == pytest.approx(-asymmetry(residual))


def test_one_large_value_dominates_the_asymmetry_of_many_small_values():
    assert asymmetry(np.array([1.0] * 20 + [-10.0])) < -0.9


def test_remove_strokes_removes_a_stroke_and_keeps_a_shadow():
    shadow = np.zeros((40, 40), np.float32)
    shadow[:, 25:] = 50  # reaches the edge of the picture
    residual = shadow.copy()
    residual[5:35, 8:12] += 100
    np.testing.assert_array_equal(remove_strokes(residual), shadow)


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=20), elements=st.integers(0, 9)))
def test_remove_strokes_agrees_with_scipys_opening_of_an_edge_padded_picture(residual):
    side = 2 * max(1, round(min(residual.shape) * MAX_STROKE_WIDTH_SHARE / 2)) + 1
    opened = ndimage.grey_opening(np.pad(residual, 40, mode="edge"), (side, side))
    np.testing.assert_array_equal(remove_strokes(residual), opened[40:-40, 40:-40])


@pytest.mark.parametrize("digit", [0, 3, 4, 5, 6])
def test_strokes_that_cover_much_of_the_fitted_area_are_classified_correctly(classify_picture, digit):
    assert classify_picture(draw(digit, side=SIDE, stroke_width=0.3, height=0.7)) == digit


def test_foreground_contrast_ignores_a_few_outliers():
    difference = np.zeros(100_000, np.float32)
    difference[:2000] = 60
    difference[2000:2060] = 250
    assert foreground_contrast(difference) == pytest.approx(60, abs=6)


def test_foreground_contrast_ignores_no_more_outliers_in_a_large_picture():
    difference = np.random.default_rng(3).normal(0, 2, 1_000_000).astype(np.float32)
    difference[:500] = 150
    assert foreground_contrast(difference) == pytest.approx(150)


def test_foreground_contrast_ignores_no_outlier_in_a_small_picture():
    difference = np.random.default_rng(3).normal(0, 8, 1000).astype(np.float32)
    difference[:3] = 150
    assert foreground_contrast(difference) == pytest.approx(150)


@pytest.mark.parametrize("share", [0.3, 0.05, 0.001])
def test_foreground_contrast_is_correct_for_any_share_of_foreground(share):
    rng = np.random.default_rng(2)
    difference = rng.normal(0, 4, 100_000)
    difference[: int(share * difference.size)] += 150
    assert foreground_contrast(difference.astype(np.float32)) == pytest.approx(150, abs=5)


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=12)), st.data())
def test_sliding_extreme_agrees_with_the_extremes_of_whole_windows(values, data):
    values = np.nan_to_num(values)
    width = data.draw(st.integers(1, len(values)))
    windows = sliding_window_view(values, width, axis=0)
    assert (sliding_extreme(np.maximum, values, width) == windows.max(axis=-1)).all()
    assert (sliding_extreme(np.minimum, values, width) == windows.min(axis=-1)).all()


def slow_foreground_contrast(difference):
    """Compute the foreground contrast from all pixels in every round."""
    values = difference.ravel()
    outliers = min(MAX_OUTLIERS, values.size // 1024)
    contrast = float(np.sort(values)[values.size - 1 - outliers])
    for _ in range(CONTRAST_ROUNDS):
        foreground = values[values > contrast / 2]
        if foreground.size == 0:
            return 0.0
        contrast = float(foreground.mean())
    return contrast


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 50, 2000, 5000]), st.floats(1.01, 4))
def test_foreground_contrast_agrees_with_a_slow_reference(seed, count, ratio):
    rng = np.random.default_rng(seed)
    steps = 200 / ratio ** rng.integers(0, 12, count)  # a round may nearly halve the mean
    specks = np.append(-rng.uniform(1, 10, count), np.full(count // 1024, 100.0))  # all of them are ignored
    for values in (steps, rng.normal(-5, 10, count), -steps, np.zeros(count), steps - 100, specks):
        difference = values.astype(np.float32)
        assert foreground_contrast(difference) == slow_foreground_contrast(difference)
