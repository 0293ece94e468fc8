"""Tests of background subtraction, under many kinds of light and in many colours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from model import BlankPictureError, PictureError, PictureShapeError, normalise_digit, subtract_background
from model.picture.background import (
    CONTRAST_ROUNDS,
    MAX_OUTLIERS,
    REACH,
    foreground_contrast,
    foreground_direction,
    interpolate,
    project,
)
from tests.drawing import draw

SIDE = 160
Y, X = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
NOISE = np.random.default_rng(0).normal(0, 1, (SIDE, SIDE))

# The brightness of a white sheet under each light, from 0 to 1.
LIGHT = {
    "even": np.full((SIDE, SIDE), 0.9),
    "dim": np.full((SIDE, SIDE), 0.35),
    "from the left": 0.7 - 0.25 * X,
    "from a corner": 0.7 - 0.15 * X + 0.12 * Y,
    "falling off outwards": 0.85 - 0.25 * (X**2 + Y**2),
    "a soft shadow": 0.5 + 0.35 / (1 + np.exp(-8 * (X + Y / 2))),
    "a dark corner": np.where(X + Y < -1.2, 0.1, 0.85),
}


@pytest.mark.parametrize("light", LIGHT)
@pytest.mark.parametrize(("foreground", "background"), [(64, 255), (255, 64)], ids=["dark strokes", "bright strokes"])
def test_digits_are_classified_correctly_under_any_light(classify_picture, light, foreground, background):
    drawings = [draw(digit, side=SIDE, foreground=foreground, background=background) for digit in range(10)]
    predicted = [classify_picture((LIGHT[light] * drawn).astype(np.uint8)) for drawn in drawings]
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
    assert coverage[drawn == 255].max() < 1e-4


def test_coverage_is_partial_on_the_edges_of_strokes():
    drawn = draw(0, side=SIDE)
    np.testing.assert_allclose(subtract_background(drawn), 1 - drawn / 255, atol=0.04)


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=70)))
def test_any_picture_gives_an_image_or_a_picture_error(brightness):
    try:
        image = normalise_digit(subtract_background(brightness))
    except PictureError:
        return
    assert image.shape == (8, 8)
    assert 0 <= image.min() <= image.max() <= 16


@pytest.mark.parametrize("shape", [(), (5,), (0, 4), (4, 0), (0, 3, 3), (3, 3, 0), (1, 1, 1, 1)])
def test_an_array_with_another_number_of_axes_or_without_pixels_or_colours_is_rejected(shape):
    with pytest.raises(PictureShapeError, match="height, width"):
        subtract_background(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 2)])
def test_a_uniform_picture_of_any_shape_is_blank(shape):
    with pytest.raises(BlankPictureError):
        subtract_background(np.full(shape, 77, np.uint8))


@pytest.mark.parametrize("digit", range(10))
def test_strokes_that_cover_much_of_the_picture_are_classified_correctly(classify_picture, digit):
    assert classify_picture(draw(digit, side=SIDE, stroke_width=0.28, height=0.7)) == digit


def paint(drawn, ink, sheet):
    """Give the strokes of a drawn digit and its background two colours."""
    share = drawn[..., None] / 255
    return (np.array(sheet) * share + np.array(ink) * (1 - share)).round().astype(np.uint8)


@pytest.mark.parametrize(
    ("ink", "sheet"),
    [
        pytest.param((200, 0, 0), (0, 102, 0), id="red on green of equal luminance"),
        pytest.param((150, 50, 100), (50, 150, 100), id="colours of equal mean"),
        pytest.param((220, 40, 40), (40, 60, 200), id="red on blue"),
        pytest.param((40, 60, 200), (220, 40, 40), id="blue on red"),
        pytest.param((240, 220, 0), (255, 255, 255), id="yellow on white"),
    ],
)
def test_strokes_of_another_colour_have_the_coverage_of_black_strokes_on_white(ink, sheet):
    for digit in (0, 4, 7):
        drawn = draw(digit, side=SIDE)
        np.testing.assert_allclose(subtract_background(paint(drawn, ink, sheet)), 1 - drawn / 255, atol=0.05)


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=8, max_side=60)))
def test_a_grey_picture_gives_the_same_coverage_in_one_colour_and_in_three_equal_colours(brightness):
    try:
        coverage = subtract_background(brightness)
    except BlankPictureError:
        return
    one_colour = brightness[..., None]
    np.testing.assert_array_equal(subtract_background(one_colour), coverage)
    np.testing.assert_allclose(subtract_background(np.repeat(one_colour, 3, axis=2)), coverage, atol=1e-4)


@pytest.mark.parametrize("digit", range(10))
def test_an_inverted_picture_gives_the_same_coverage(digit):
    picture = paint(draw(digit, side=SIDE), (30, 40, 120), (230, 225, 210))
    np.testing.assert_allclose(subtract_background(picture), subtract_background(255 - picture), atol=1e-4)


differences = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(-255, 255))


@given(differences, st.randoms(use_true_random=False))
def test_foreground_direction_has_absolute_sum_one_whatever_the_order_of_the_pixels(difference, random):
    direction = foreground_direction(difference)
    assert np.abs(direction).sum() == pytest.approx(1, abs=1e-5)
    shuffled = random.sample(difference.tolist(), len(difference))
    projections = difference @ direction
    # Several directions can be equally good: then their largest projections are equal, too.
    np.testing.assert_allclose(
        np.square(shuffled @ foreground_direction(np.array(shuffled))).max(), np.square(projections).max(), rtol=1e-2
    )


@given(st.lists(st.integers(-255, 255), min_size=1, max_size=20).filter(lambda values: sum(v**3 for v in values)))
def test_foreground_direction_of_one_colour_is_the_sign_of_the_larger_differences(values):
    sign = 1 if sum(value**3 for value in values) > 0 else -1
    assert foreground_direction(np.array(values, float)[:, None]).tolist() == [sign]


def test_foreground_direction_follows_the_few_strokes_and_not_the_many_pixels_of_noise():
    noise = np.random.default_rng(0).normal(0, 3, (5000, 3)) * (1, 1, 4)
    strokes = np.tile([-60.0, 30.0, 0.0], (20, 1))
    direction = foreground_direction(np.concatenate([noise, strokes]))
    np.testing.assert_allclose(direction, [-2 / 3, 1 / 3, 0], atol=0.05)


@given(st.lists(st.integers(-255, 255), min_size=1, max_size=4))
def test_project_is_the_dot_product_with_each_colour(direction):
    colours = np.random.default_rng(0).uniform(0, 255, (5, 7, len(direction))).astype(np.float32)
    projected = project(np.moveaxis(colours, -1, 0), np.array(direction, np.float32))
    assert projected.dtype == np.float32
    np.testing.assert_allclose(projected, colours @ direction, rtol=1e-4, atol=0.1)


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=14)).filter(np.any), st.integers(-255, 255))
def test_interpolate_gives_a_constant_if_the_known_values_are_constant(is_known, constant):
    values = np.where(is_known, constant, 9999)[..., None].astype(np.float32)  # unknown values have no effect
    np.testing.assert_allclose(interpolate(values, is_known), np.full_like(values, constant), rtol=1e-4)


def test_interpolate_keeps_the_values_of_a_ramp_far_from_gaps_and_borders():
    ramp = np.stack([3 * Y + 5 * X, 8 * X], axis=-1)[::4, ::4].astype(np.float32)
    is_known = np.ones(ramp.shape[:2], bool)
    is_known[:8] = False
    interpolated = interpolate(np.where(is_known[..., None], ramp, 9999).astype(np.float32), is_known)
    np.testing.assert_allclose(interpolated[20:28, 12:28], ramp[20:28, 12:28], atol=0.01)


def test_interpolate_weighs_a_known_value_by_e_times_more_if_it_is_one_reach_nearer():
    is_known = np.array([[True, False, False, False, False, False, True]])
    values = np.array([[0, 9999, 9999, 9999, 9999, 9999, 1]], np.float32)[..., None]
    distances = np.arange(7)
    expected = 1 / (1 + np.exp((6 - 2 * distances) / REACH))
    np.testing.assert_allclose(interpolate(values, is_known)[0, :, 0], expected, rtol=1e-5)
    np.testing.assert_allclose(interpolate(values[0][:, None], is_known.T)[:, 0, 0], expected, rtol=1e-5)


def test_interpolate_without_known_values_gives_zero():
    assert not interpolate(np.full((5, 4, 3), 200, np.float32), np.zeros((5, 4), bool)).any()


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
