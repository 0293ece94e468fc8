"""From ink to the 8×8, step by step."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from model import BlankPictureError, normalise_digit, subtract_background
from model.picture.normalise import (
    FIELD,
    crop,
    find_ink,
    normalise_ink,
    remove_slant,
    stretch,
    sum_blocks,
    thicken,
)
from tests.drawing import draw

CROSS = ndimage.generate_binary_structure(2, 1)
masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=60))
fields = arrays(bool, (FIELD, FIELD))


def block(rows, columns, shape=(FIELD, FIELD)):
    """A field with one rectangle of ink."""
    field = np.zeros(shape, dtype=bool)
    field[slice(*rows), slice(*columns)] = True
    return field


def slowly_upright(field):
    """A field with its slant removed, point by point."""
    inked = [row for row in range(FIELD) if field[row].any()]
    top, bottom = inked[0] + 2, inked[-1] - 2
    if top >= bottom or not field[top].any() or not field[bottom].any():
        return field
    slant = min(np.flatnonzero(field[bottom])) - min(np.flatnonzero(field[top]))
    moved = np.zeros_like(field)
    for row, column in np.argwhere(field):
        goal = column + round(slant * ((bottom - row) / (bottom - top))) - round(slant / 2)
        if 0 <= goal < FIELD:
            moved[row, goal] = True
    return moved


@given(masks)
def test_any_picture_with_ink_gives_64_values_of_0_to_16_and_one_without_none(mask):
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
def test_moving_the_ink_inside_its_picture_changes_nothing(mask, margins):
    top, bottom, left, right = margins
    moved = np.pad(mask, ((top, bottom), (left, right)))
    np.testing.assert_array_equal(normalise_digit(moved), normalise_digit(mask))


@pytest.mark.parametrize("digit", range(10))
def test_moving_a_drawn_digit_changes_no_pixel_by_more_than_one_dot(digit):
    corners = [(0.35, 0.35), (0.65, 0.35), (0.5, 0.5), (0.65, 0.65)]
    images = [normalise_digit(subtract_background(draw(digit, centre=centre))) for centre in corners]
    for image in images[1:]:
        assert np.abs(image - images[0]).max() <= 1


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_enlarging_by_a_whole_factor_changes_no_digit(network_reads, factor):
    pictures = [draw(digit, side=120) for digit in range(10)]
    larger = [np.kron(picture, np.ones((factor, factor), np.uint8)) for picture in pictures]
    assert [network_reads(picture) for picture in larger] == list(range(10))


@pytest.mark.parametrize("pen", [0.005, 0.02, 0.05, 0.08, 0.12, 0.16])
def test_thin_and_fat_pens_are_read(network_reads, pen):
    assert [network_reads(draw(digit, pen=pen)) for digit in range(10)] == list(range(10))


@pytest.mark.parametrize(("side", "height"), [(28, 0.7), (64, 0.75), (400, 0.1), (900, 0.06)])
def test_small_pictures_and_tiny_digits_are_read(network_reads, side, height):
    pictures = [draw(digit, side=side, height=height, centre=(0.45, 0.55)) for digit in range(10)]
    assert [network_reads(picture) for picture in pictures] == list(range(10))


@pytest.mark.parametrize("width", [10, 25, 40])
def test_a_bare_vertical_one_is_read(network_reads, width):
    picture = np.full((280, 280), 255, np.uint8)
    picture[50:230, 140 - width // 2 : 140 + width // 2] = 0
    assert network_reads(picture) == 1


def test_specks_change_nothing(network_reads):
    rng = np.random.default_rng(0)
    for digit in range(10):
        picture = draw(digit).copy()
        for y, x in rng.integers(2, 278, (15, 2)):
            picture[y - 1 : y + 2, x - 1 : x + 2] = 0
        assert network_reads(picture) == digit


def test_find_ink_drops_specks_and_keeps_the_shades_of_strokes():
    ink = np.zeros((20, 20), np.float32)
    ink[5:15, 5:8], ink[5:15, 8] = 1, 0.4
    speckled = ink.copy()
    speckled[1, 1] = 1
    np.testing.assert_array_equal(find_ink(speckled), ink)


def test_crop_keeps_the_box_of_what_is_covered():
    ink = np.zeros((20, 30), np.float32)
    ink[4:9, 7:21], ink[3] = 0.8, 0.3
    assert crop(ink).shape == (5, 14)
    assert crop(ink).min() == np.float32(0.8)


@pytest.mark.parametrize("shape", [(50, 50), (100, 62), (20, 200), (9, 14)])
def test_stretch_fills_the_height_and_20_columns(shape):
    rows, columns = np.nonzero(stretch(np.ones(shape, np.float32)))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, 31, 6, 25)


@pytest.mark.parametrize(
    ("height", "width", "columns"), [(100, 10, 4), (100, 20, 9), (32, 1, 1), (320, 3, 1)]
)
def test_stretch_leaves_a_bar_narrow(height, width, columns):
    field = stretch(np.ones((height, width), np.float32))
    assert field.sum(axis=1).tolist() == [columns] * FIELD


def test_stretch_keeps_a_hairline_whole():
    frame = np.ones((3200, 2000), np.float32)
    frame[2:-2, 2:-2] = 0
    field = stretch(frame)
    assert field[[0, -1], 6:26].all()
    assert field[:, [6, 25]].all()


@pytest.mark.parametrize(
    ("ink", "steps"),
    [(600, -2), (561, -2), (560, -1), (413, -1), (412, 0), (256, 0), (255, 1), (108, 1), (107, 2), (20, 2)],
)
def test_ink_is_normalised_by_the_steps_of_its_weight(ink, steps):
    field = np.zeros((FIELD, FIELD), dtype=bool)
    field[:, 4:28].flat[:ink] = True  # rows of 24 from the top, the last one cut short
    assert field.sum() == ink
    expected = field
    if steps < 0:
        padded = np.pad(field, 1, mode="edge")  # the field's edge is no edge of a stroke
        expected = ndimage.binary_erosion(np.pad(padded, 1, mode="edge"), CROSS, -steps)[2:-2, 2:-2]
    if steps > 0:
        expected = ndimage.binary_dilation(field, CROSS, steps)
    np.testing.assert_array_equal(normalise_ink(field), expected)


@given(fields)
def test_strokes_are_thickened_as_scipy_does(field):
    np.testing.assert_array_equal(thicken(field), ndimage.binary_dilation(field, CROSS))


@given(st.integers(2, 18), st.integers(2, 18))
def test_a_line_stands_upright_once_its_slant_is_removed(top, bottom):
    field = np.zeros((FIELD, FIELD), dtype=bool)
    edges = np.round(np.linspace(6 + top, 6 + bottom, FIELD)).astype(int)
    for row, edge in enumerate(edges):
        field[row, edge - 2 : edge + 2] = True
    left = remove_slant(field).argmax(axis=1)
    assert abs(int(left[2]) - int(left[-3])) == 0
    assert np.ptp(left) <= 2
    assert remove_slant(field).sum() == field.sum()


@given(fields.filter(np.any))
def test_normalising_never_leaves_a_blank_field(field):
    assert normalise_ink(field).any()


def test_dots_that_thinning_would_remove_stay():
    chessboard = np.indices((FIELD, FIELD)).sum(axis=0) % 2 == 0  # 512 points, thinned once
    np.testing.assert_array_equal(normalise_ink(chessboard), chessboard)
    assert normalise_digit(np.kron(chessboard, np.ones((9, 5)))).any()


LOW = np.zeros((FIELD, FIELD), bool)
LOW[[0, 2, 3, 5], [0, 0, 31, 0]] = True  # six rows, and a slant of 31 columns from one to the next


@example(LOW)
@given(fields.filter(np.any))
def test_removing_slant_moves_each_row_by_its_share_and_nothing_else(field):
    np.testing.assert_array_equal(remove_slant(field), slowly_upright(field))


@pytest.mark.parametrize("row", [7, 22])
def test_a_digit_with_a_gap_where_its_slant_is_measured_stays(row):
    field = np.eye(FIELD, dtype=bool)[:25]
    field = np.concatenate([np.zeros((5, FIELD), bool), field[:20], np.zeros((7, FIELD), bool)])
    assert not np.array_equal(remove_slant(field), field)
    field[row] = False
    np.testing.assert_array_equal(remove_slant(field), field)


def test_what_has_too_few_rows_for_a_slant_stays():
    field = block((10, 14), (3, 9))
    np.testing.assert_array_equal(remove_slant(field), field)


@given(fields)
def test_blocks_are_counted(field):
    image = sum_blocks(field)
    for row in range(8):
        for column in range(8):
            dots = field[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            assert image[row, column] == np.count_nonzero(dots)
