"""Pictures with several digits are rejected, and the detached parts of one digit are not counted as digits."""

from itertools import combinations, pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from model import SeveralDigitsError
from model.picture.printed import bounding_box
from model.picture.single import count_digits, require_single_digit
from tests.drawing import STROKES, arc, draw_strokes
from tests.drawn_shapes import SHAPES

GAPS = [0.2, 0.3, 0.45, 0.6]  # between two digits side by side, in heights of a digit


def draw_mask(strokes, **options):
    """Draw the strokes of one digit as a mask; the options are those of `draw_strokes`."""
    return draw_strokes(strokes, **{"side": 120} | options) < 128


def crop(mask):
    """Keep the bounding box of a mask."""
    top, bottom, left, right = bounding_box(mask)
    return mask[top:bottom, left:right]


def arrange(masks, gap, *, is_stacked=False):
    """Put digits of the same height side by side, or below each other.

    Args:
        masks: Masks of the digits.
        gap: Distance of two digits, in heights of the first one.
        is_stacked: True for digits below each other.
    """
    parts = [mask.T if is_stacked else mask for mask in map(crop, masks)]
    rows, distance = max(map(len, parts)), round(gap * len(crop(masks[0])))
    padded = [np.pad(part, ((0, rows - len(part)), (0, distance))) for part in parts]
    row = np.pad(np.hstack(padded), distance)
    return row.T if is_stacked else row


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("stroke_width", [0.03, 0.12])
def test_two_digits_side_by_side_are_rejected_with_their_number(gap, stroke_width):
    masks = {digit: draw_mask(strokes, stroke_width=stroke_width) for digit, strokes in STROKES.items()}
    for pair in combinations(masks, 2):
        with pytest.raises(SeveralDigitsError) as rejected:
            require_single_digit(arrange([masks[digit] for digit in pair], gap).astype(np.float32))
        assert rejected.value.count == 2, pair


@pytest.mark.parametrize("gap", GAPS)
def test_three_digits_side_by_side_are_counted_in_any_order(gap):
    masks = [draw_mask(STROKES[7]), draw_mask(STROKES[1], height=0.5), draw_mask(STROKES[4], height=0.45)]
    for order in permutations(masks):
        mask = arrange(order, gap)
        assert [count_digits(mask), count_digits(mask[:, ::-1]), count_digits(mask[::-1])] == [3, 3, 3]
        with pytest.raises(SeveralDigitsError) as rejected:
            require_single_digit(mask.astype(np.float32))
        assert rejected.value.count == 3


@pytest.mark.parametrize("gap", [0.6, 1.0])
def test_two_digits_far_apart_below_each_other_are_counted(gap):
    masks = [draw_mask(strokes) for strokes in STROKES.values()]
    for pair in pairwise(masks):
        mask = arrange(pair, gap, is_stacked=True)
        assert [count_digits(mask), count_digits(mask[::-1])] == [2, 2]


def test_a_low_digit_beside_a_high_one_is_counted_and_a_low_mark_is_not():
    for height, count in ((0.45, 2), (0.25, 1)):
        masks = [draw_mask(STROKES[8]), draw_mask(STROKES[0], height=height)]
        assert [count_digits(arrange(order, 0.3)) for order in (masks, masks[::-1])] == [count, count]


@pytest.mark.parametrize("digit", STROKES)
def test_specks_and_dust_are_not_counted(digit):
    mask = draw_mask(STROKES[digit])
    for y, x in np.random.default_rng(digit).integers(2, 118, (30, 2)):
        mask[y - 1 : y + 2, x - 1 : x + 2] = True
    mask[::16, ::16] = True
    assert count_digits(mask) == 1


@pytest.mark.parametrize("pen", [0.03, 0.06, 0.12])
@pytest.mark.parametrize("gap", [0.02, 0.05, 0.08])  # in heights of the digit
def test_detached_parts_of_a_digit_are_not_counted(gap, pen):
    distance = gap + pen  # between the middles of two strokes
    drawings = {
        "bar of a 5": [[(0.32, distance), *STROKES[5][0][2:]], [(0.32, 0), (0.8, 0)]],
        "bar of a 5 to the right": [STROKES[5][0][1:], [(0.32 + distance, 0), (0.8, 0)]],
        "stem of a 4": [[(0.3, 0), (0.2, 0.6), (0.64 - distance, 0.6)], [(0.64, 0), (0.64, 1)]],
        "halves of a 0": [arc((0.5 - distance / 2, 0.5), (0.3, 0.5), 90, 270), arc((0.5, 0.5), (0.3, 0.5), -90, 90)],
        "foot of a 1": [[(0.32, 0.22), (0.55, 0), (0.55, 1 - distance)], [(0.3, 1), (0.8, 1)]],
    }
    for name, strokes in drawings.items():
        mask = draw_mask(strokes, stroke_width=pen)
        assert [count_digits(mask), count_digits(mask[:, ::-1]), count_digits(mask[::-1])] == [1, 1, 1], name


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_line_with_gaps_is_one_digit(count):
    length, pen = 1 / count, 0.04
    dashes = [[(0.5, i * length), (0.5, (i + 0.92) * length - pen)] for i in range(count)]
    mask = draw_mask(dashes, side=320, stroke_width=pen)
    assert [count_digits(mask), count_digits(mask.T)] == [1, 1]


@pytest.mark.parametrize(
    "placement",
    [{}, {"height": 0.3, "centre": (0.25, 0.3)}, {"height": 0.75, "stroke_width": 0.16}, {"side": 28}],
    ids=["in the middle", "small in a corner", "large with a wide pen", "28×28"],
)
def test_every_drawn_shape_is_one_digit_and_its_coverage_is_returned(placement):
    for digit, shapes in SHAPES.items():
        for name, strokes in shapes.items():
            coverage = draw_mask(strokes, **placement).astype(np.float32)
            assert count_digits(coverage > 0) == 1, (digit, name)
            assert require_single_digit(coverage) is coverage


def test_faint_pixels_do_not_join_two_digits():
    coverage = arrange([draw_mask(STROKES[3]), draw_mask(STROKES[5])], 0.3).astype(np.float32)
    with pytest.raises(SeveralDigitsError):
        require_single_digit(np.maximum(coverage, 0.1))


@pytest.mark.parametrize("shape", [(1, 1), (1, 80), (60, 60)])
def test_a_blank_mask_has_no_digit(shape):
    blank = np.zeros(shape, np.float32)
    assert count_digits(blank > 0) == 0
    assert require_single_digit(blank) is blank


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=30)), st.tuples(*[st.integers(0, 20)] * 4))
def test_margins_do_not_change_the_count_and_only_a_blank_mask_has_none(mask, margins):
    top, bottom, left, right = margins
    count = count_digits(mask)
    assert count_digits(np.pad(mask, ((top, bottom), (left, right)))) == count
    assert (count == 0) == (not mask.any())


def test_upper_and_lower_part_of_one_digit_with_a_gap_are_not_counted():
    close = [arc((0.5, y), (0.2, 0.22), 0, 360) for y in (0.22, 0.82)]  # the gap is narrow
    wide = [arc((0.5, y), (0.4, 0.18), 0, 360) for y in (0.18, 0.82)]  # the whole is wide
    for strokes in (close, wide):
        mask = draw_mask(strokes, stroke_width=0.05)
        assert [count_digits(mask), count_digits(mask[::-1])] == [1, 1]


def test_a_small_mark_far_below_a_digit_is_not_counted():
    mask = draw_mask([arc((0.5, 0.25), (0.12, 0.25), 0, 360), [(0.5, 0.8), (0.5, 1)]], stroke_width=0.05)
    assert [count_digits(mask), count_digits(mask[::-1])] == [1, 1]


def test_a_line_that_consists_of_three_thick_dashes_is_one_digit():
    dashes = [[(0.6 - 0.1 * i, 0.42 * i), (0.57 - 0.1 * i, 0.42 * i + 0.16)] for i in range(3)]
    assert count_digits(draw_mask(dashes, stroke_width=0.12)) == 1
