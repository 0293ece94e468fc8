"""Tests of normalisation: the whole of it, then each step."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from model import BlankPictureError, normalise_digit, subtract_background
from model.picture.normalise import (
    BITMAP_SIDE,
    crop,
    dilate,
    normalise_stroke_width,
    remove_noise,
    remove_slant,
    stretch,
    sum_blocks,
)
from tests.drawing import draw

CROSS = ndimage.generate_binary_structure(2, 1)
masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=60))
bitmaps = arrays(bool, (BITMAP_SIDE, BITMAP_SIDE))


def slow_remove_slant(bitmap):
    """Remove the slant of a bitmap pixel by pixel."""
    rows = [row for row in range(BITMAP_SIDE) if bitmap[row].any()]
    top, bottom = rows[0] + 2, rows[-1] - 2
    if top >= bottom or not bitmap[top].any() or not bitmap[bottom].any():
        return bitmap
    slant = min(np.flatnonzero(bitmap[bottom])) - min(np.flatnonzero(bitmap[top]))
    shifted = np.zeros_like(bitmap)
    for row, column in np.argwhere(bitmap):
        target = column + round(slant * ((bottom - row) / (bottom - top))) - round(slant / 2)
        if 0 <= target < BITMAP_SIDE:
            shifted[row, target] = True
    return shifted


@given(masks)
def test_any_mask_gives_an_8x8_image_of_0_to_16_or_is_blank(mask):
    if not mask.any():
        with pytest.raises(BlankPictureError):
            normalise_digit(mask)
        return
    image = normalise_digit(mask)
    assert image.shape == (8, 8)
    assert image.dtype == np.float32
    assert 0 <= image.min() <= image.max() <= 16
    assert image.any()


@given(masks.filter(np.any), st.tuples(*[st.integers(0, 30)] * 4))
def test_margins_do_not_change_the_normalised_image(mask, margins):
    top, bottom, left, right = margins
    padded = np.pad(mask, ((top, bottom), (left, right)))
    np.testing.assert_array_equal(normalise_digit(padded), normalise_digit(mask))


@pytest.mark.parametrize("digit", range(10))
def test_moving_a_drawn_digit_changes_each_pixel_by_at_most_one(digit):
    centres = [(0.35, 0.35), (0.65, 0.35), (0.5, 0.5), (0.65, 0.65)]
    images = [normalise_digit(subtract_background(draw(digit, centre=centre))) for centre in centres]
    for image in images[1:]:
        assert np.abs(image - images[0]).max() <= 1


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_digits_enlarged_by_an_integer_factor_are_classified_correctly(classify_picture, factor):
    pictures = [draw(digit, side=120) for digit in range(10)]
    larger = [np.kron(picture, np.ones((factor, factor), np.uint8)) for picture in pictures]
    assert [classify_picture(picture) for picture in larger] == list(range(10))


@pytest.mark.parametrize("stroke_width", [0.005, 0.02, 0.05, 0.08, 0.12, 0.16])
def test_digits_with_narrow_and_wide_strokes_are_classified_correctly(classify_picture, stroke_width):
    pictures = [draw(digit, stroke_width=stroke_width) for digit in range(10)]
    assert [classify_picture(picture) for picture in pictures] == list(range(10))


@pytest.mark.parametrize(("side", "height"), [(28, 0.7), (64, 0.75), (400, 0.1), (900, 0.06)])
def test_small_pictures_and_tiny_digits_are_classified_correctly(classify_picture, side, height):
    pictures = [draw(digit, side=side, height=height, centre=(0.45, 0.55)) for digit in range(10)]
    assert [classify_picture(picture) for picture in pictures] == list(range(10))


@pytest.mark.parametrize("width", [10, 25, 40])
def test_a_vertical_bar_is_classified_as_1(classify_picture, width):
    picture = np.full((280, 280), 255, np.uint8)
    picture[50:230, 140 - width // 2 : 140 + width // 2] = 0
    assert classify_picture(picture) == 1


def test_specks_do_not_change_the_predicted_digit(classify_picture):
    rng = np.random.default_rng(0)
    for digit in range(10):
        picture = draw(digit).copy()
        for y, x in rng.integers(2, 278, (15, 2)):
            picture[y - 1 : y + 2, x - 1 : x + 2] = 0
        assert classify_picture(picture) == digit


def test_remove_noise_removes_specks_and_keeps_partial_coverage_of_strokes():
    coverage = np.zeros((20, 20), np.float32)
    coverage[5:15, 5:8], coverage[5:15, 8] = 1, 0.4
    speckled = coverage.copy()
    speckled[1, 1] = 1
    np.testing.assert_array_equal(remove_noise(speckled), coverage)


def test_crop_keeps_the_bounding_box_of_the_covered_pixels():
    coverage = np.zeros((20, 30), np.float32)
    coverage[4:9, 7:21], coverage[3] = 0.8, 0.3
    assert crop(coverage).shape == (5, 14)
    assert crop(coverage).min() == np.float32(0.8)


@pytest.mark.parametrize("shape", [(50, 50), (100, 62), (20, 200), (9, 14)])
def test_stretch_fills_the_height_and_20_columns(shape):
    rows, columns = np.nonzero(stretch(np.ones(shape, np.float32)))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, 31, 6, 25)


@pytest.mark.parametrize(("height", "width", "columns"), [(100, 10, 4), (100, 20, 9), (32, 1, 1), (320, 3, 1)])
def test_stretch_keeps_a_vertical_bar_narrow(height, width, columns):
    bitmap = stretch(np.ones((height, width), np.float32))
    assert bitmap.sum(axis=1).tolist() == [columns] * BITMAP_SIDE


def test_stretch_keeps_a_hairline_unbroken():
    frame = np.ones((3200, 2000), np.float32)
    frame[2:-2, 2:-2] = 0
    bitmap = stretch(frame)
    assert bitmap[[0, -1], 6:26].all()
    assert bitmap[:, [6, 25]].all()


@pytest.mark.parametrize(
    ("foreground_pixels", "dilations"),
    [(600, -2), (561, -2), (560, -1), (413, -1), (412, 0), (256, 0), (255, 1), (108, 1), (107, 2), (20, 2)],
)
def test_strokes_are_dilated_or_eroded_by_their_foreground_pixels(foreground_pixels, dilations):
    bitmap = np.zeros((BITMAP_SIDE, BITMAP_SIDE), dtype=bool)
    bitmap[:, 4:28].flat[:foreground_pixels] = True  # rows of 24 pixels from the top; the last may be shorter
    assert bitmap.sum() == foreground_pixels
    expected = bitmap
    if dilations < 0:
        padded = np.pad(bitmap, 2, mode="edge")  # an erosion must not start from the edge of the bitmap
        expected = ndimage.binary_erosion(padded, CROSS, -dilations)[2:-2, 2:-2]
    if dilations > 0:
        expected = ndimage.binary_dilation(bitmap, CROSS, dilations)
    np.testing.assert_array_equal(normalise_stroke_width(bitmap), expected)


@given(bitmaps)
def test_dilate_agrees_with_scipy(bitmap):
    np.testing.assert_array_equal(dilate(bitmap), ndimage.binary_dilation(bitmap, CROSS))


@given(st.integers(2, 18), st.integers(2, 18))
def test_remove_slant_makes_a_slanted_line_upright(top, bottom):
    bitmap = np.zeros((BITMAP_SIDE, BITMAP_SIDE), dtype=bool)
    edges = np.round(np.linspace(6 + top, 6 + bottom, BITMAP_SIDE)).astype(int)
    for row, edge in enumerate(edges):
        bitmap[row, edge - 2 : edge + 2] = True
    left_edges = remove_slant(bitmap).argmax(axis=1)
    assert abs(int(left_edges[2]) - int(left_edges[-3])) == 0
    assert np.ptp(left_edges) <= 2
    assert remove_slant(bitmap).sum() == bitmap.sum()


@given(bitmaps.filter(np.any))
def test_normalise_stroke_width_never_gives_a_blank_bitmap(bitmap):
    assert normalise_stroke_width(bitmap).any()


def test_isolated_pixels_that_an_erosion_would_remove_stay():
    chessboard = np.indices((BITMAP_SIDE, BITMAP_SIDE)).sum(axis=0) % 2 == 0  # 512 pixels: one erosion
    np.testing.assert_array_equal(normalise_stroke_width(chessboard), chessboard)
    assert normalise_digit(np.kron(chessboard, np.ones((9, 5)))).any()


LOW_DIGIT = np.zeros((BITMAP_SIDE, BITMAP_SIDE), bool)
LOW_DIGIT[[0, 2, 3, 5], [0, 0, 31, 0]] = True  # six rows; a slant of 31 columns between adjacent rows


@example(LOW_DIGIT)
@given(bitmaps.filter(np.any))
def test_remove_slant_agrees_with_a_slow_reference(bitmap):
    np.testing.assert_array_equal(remove_slant(bitmap), slow_remove_slant(bitmap))


@pytest.mark.parametrize("row", [7, 22])
def test_remove_slant_keeps_a_digit_with_a_gap_where_the_slant_is_measured(row):
    bitmap = np.eye(BITMAP_SIDE, dtype=bool)[:25]
    bitmap = np.concatenate([np.zeros((5, BITMAP_SIDE), bool), bitmap[:20], np.zeros((7, BITMAP_SIDE), bool)])
    assert not np.array_equal(remove_slant(bitmap), bitmap)
    bitmap[row] = False
    np.testing.assert_array_equal(remove_slant(bitmap), bitmap)


def test_remove_slant_keeps_a_digit_with_too_few_rows_to_measure_the_slant():
    bitmap = np.zeros((BITMAP_SIDE, BITMAP_SIDE), dtype=bool)
    bitmap[10:14, 3:9] = True
    np.testing.assert_array_equal(remove_slant(bitmap), bitmap)


@given(bitmaps)
def test_sum_blocks_counts_the_foreground_pixels_of_each_block(bitmap):
    image = sum_blocks(bitmap)
    for row in range(8):
        for column in range(8):
            block = bitmap[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            assert image[row, column] == np.count_nonzero(block)
