"""Tests of grey-scale morphology with SciPy as the reference, and of the enclosed pixels of a mask."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage

from model.picture.morphology import dilate, enclose, erode, gradient, remove_narrow_marks, sliding_extreme, top_hat

shapes = array_shapes(min_dims=2, max_dims=2, max_side=20)
pictures = arrays(np.float32, shapes, elements=st.integers(0, 255))
masks = arrays(bool, shapes)
radii = st.integers(0, 4)


def side(radius):
    """Return the rows and columns of the square with a radius."""
    return (2 * radius + 1, 2 * radius + 1)


@given(pictures, radii)
def test_dilate_and_erode_agree_with_scipy_on_a_picture_that_repeats_its_border(picture, radius):
    dilated = ndimage.grey_dilation(picture, side(radius), mode="nearest")
    eroded = ndimage.grey_erosion(picture, side(radius), mode="nearest")
    np.testing.assert_array_equal(dilate(picture, radius), dilated)
    np.testing.assert_array_equal(erode(picture, radius), eroded)


@given(masks, radii)
def test_dilate_and_erode_agree_with_scipy_on_a_mask_that_is_false_outside(mask, radius):
    square = np.ones(side(radius))
    np.testing.assert_array_equal(dilate(mask, radius), ndimage.binary_dilation(mask, square))
    np.testing.assert_array_equal(erode(mask, radius), ndimage.binary_erosion(mask, square, border_value=0))


@given(pictures)
def test_gradient_agrees_with_scipy(picture):
    expected = ndimage.morphological_gradient(picture, side(1), mode="nearest")
    np.testing.assert_array_equal(gradient(picture), expected)


@given(pictures, radii)
def test_top_hat_is_the_larger_one_of_both_top_hats_of_scipy(picture, radius):
    closing = ndimage.grey_erosion(ndimage.grey_dilation(picture, side(radius), mode="nearest"), side(radius))
    opening = ndimage.grey_dilation(ndimage.grey_erosion(picture, side(radius), mode="nearest"), side(radius))
    np.testing.assert_array_equal(top_hat(picture, radius), np.maximum(picture - opening, closing - picture))


@pytest.mark.parametrize("operation", [dilate, erode, top_hat])
def test_each_colour_of_a_picture_is_processed_independently(operation):
    picture = np.random.default_rng(0).uniform(0, 255, (9, 14, 3)).astype(np.float32)
    expected = np.stack([operation(colour, 2) for colour in np.moveaxis(picture, -1, 0)], axis=-1)
    np.testing.assert_array_equal(operation(picture, 2), expected)


@pytest.mark.parametrize("contrast", [-100, 100])
def test_top_hat_is_the_contrast_of_a_narrow_mark_and_zero_at_an_edge(contrast):
    picture = np.full((30, 40), 120, np.float32)
    picture[:, 25:] += contrast
    assert not top_hat(picture, 3).any()
    picture[5:25, 8:14] += contrast  # 6 columns, and the square has 7
    expected = np.zeros_like(picture)
    expected[5:25, 8:14] = 100
    np.testing.assert_array_equal(top_hat(picture, 3), expected)


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=12)), st.data())
def test_sliding_extreme_agrees_with_the_extremes_of_whole_windows(values, data):
    values = np.nan_to_num(values)
    width = data.draw(st.integers(1, len(values)))
    windows = sliding_window_view(values, width, axis=0)
    assert (sliding_extreme(np.maximum, values, width) == windows.max(axis=-1)).all()
    assert (sliding_extreme(np.minimum, values, width) == windows.min(axis=-1)).all()


def slow_enclose(mask):
    """Look from each pixel in the four directions along the axes."""
    enclosed = np.zeros_like(mask)
    for y, x in np.ndindex(mask.shape):
        directions = (mask[: y + 1, x], mask[y:, x], mask[y, : x + 1], mask[y, x:])
        enclosed[y, x] = sum(direction.any() for direction in directions) >= 3
    return enclosed


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_enclose_agrees_with_a_slow_reference(mask):
    np.testing.assert_array_equal(enclose(mask), slow_enclose(mask))


half_planes = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5), st.integers(-10, 30)), min_size=1, max_size=6)


@given(half_planes)
def test_a_pixel_outside_of_a_convex_polygon_is_never_enclosed(polygon):
    y, x = np.mgrid[-10:11, -10:11]
    is_inside = np.all([a * y + b * x <= c for a, b, c in polygon], axis=0)
    np.testing.assert_array_equal(enclose(is_inside), is_inside)


@given(pictures, radii)
def test_removing_narrow_marks_subtracts_the_white_top_hat_and_adds_the_black_one(picture, radius):
    expected = picture - ndimage.white_tophat(picture, side(radius), mode="nearest")
    expected += ndimage.black_tophat(picture, side(radius), mode="nearest")
    if radius:
        inner = (slice(2 * radius, -2 * radius),) * 2  # SciPy repeats the border of the eroded picture differently
        np.testing.assert_array_equal(remove_narrow_marks(picture, radius)[inner], expected[inner])
    else:
        np.testing.assert_array_equal(remove_narrow_marks(picture, radius), picture)


@pytest.mark.parametrize(("value", "column"), [(90, 3), (255, 14)], ids=["dark on the left", "bright on the right"])
def test_a_narrow_line_is_removed_and_a_step_is_kept(value, column):
    step = np.where(np.arange(20) < 8, 200, 50).astype(np.float32) + np.zeros((12, 1), np.float32)
    with_line = step.copy()
    with_line[:, column] = value
    np.testing.assert_array_equal(remove_narrow_marks(with_line, 1), step)
