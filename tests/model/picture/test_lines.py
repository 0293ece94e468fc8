"""Straight lines in a mask: they are found in both directions, and erased without the strokes that cross them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from model.picture.lines import MAX_THICKNESS, erase, find_lines
from tests.drawing import STROKES, arc, draw_strokes

SIDE = 200
SIDES = [60, 200, 1000]  # of small, middle and large masks
masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40))


def draw_mask(*strokes, width=2, side=SIDE):
    """Draw strokes as a mask.

    Args:
        strokes: Lists of points (x, y), in shares of the side.
        width: Width of the strokes in pixels.
        side: Rows and columns of the mask.
    """
    return draw_strokes(strokes, side=side, height=1, stroke_width=width / side) < 128


def tilted(degrees, length=0.8):
    """Return the two ends of a line through the middle of the mask; the length is its extent along x."""
    rise = math.tan(math.radians(degrees)) * length / 2
    return [(0.5 - length / 2, 0.5 - rise), (0.5 + length / 2, 0.5 + rise)]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("degrees", [0, 3, -8, 15, -15])
@pytest.mark.parametrize(("length", "thickness"), [(0.8, 0.001), (0.3, 0.001), (0.8, 0.03)])
def test_horizontal_and_vertical_lines_are_found_with_their_ends_and_their_thickness(side, degrees, length, thickness):
    width = max(1, thickness * side)
    mask = draw_mask(tilted(degrees, length), width=width, side=side)
    for is_vertical in (False, True):
        (line,) = find_lines(mask.T if is_vertical else mask)
        assert line.is_vertical == is_vertical
        assert line.first == pytest.approx((0.5 - length / 2) * side, abs=2 + width / 2)
        assert line.last == pytest.approx((0.5 + length / 2) * side, abs=2 + width / 2)
        assert line.length == line.last - line.first + 1
        assert line.row == pytest.approx(side / 2, abs=1)
        assert line.thickness == pytest.approx(width / math.cos(math.radians(degrees)), abs=max(1, 0.2 * width))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("degrees", [0, 10])
@pytest.mark.parametrize("gaps", [[(0.3, 0.7)], [(0.1 * i, 0.1 * i + 0.05) for i in range(2, 8)]], ids=["one", "many"])
def test_line_with_gaps_is_one_line(side, degrees, gaps):
    mask = draw_mask(tilted(degrees), side=side)
    for start, end in gaps:
        mask[:, round(start * side) : round(end * side)] = False
    (line,) = find_lines(mask)
    assert line.length == pytest.approx(0.8 * side, abs=3)
    assert not erase(mask, [line]).any()


def test_horizontal_lines_come_first_and_longer_ones_before_shorter_ones():
    lengths = {0.2: 0.4, 0.4: 0.8, 0.6: 0.3, 0.8: 0.6}  # by position
    horizontal = draw_mask(*([(0.1, at), (0.1 + length, at)] for at, length in lengths.items()))
    vertical = np.rot90(horizontal)[::-1]
    expected = [round(SIDE * at) for at in sorted(lengths, key=lengths.__getitem__, reverse=True)]
    found = find_lines(np.hstack([horizontal, np.zeros_like(vertical), vertical]))
    assert [line.is_vertical for line in found] == [False] * 4 + [True] * 4
    assert [round(line.row) for line in found[:4]] == pytest.approx(expected, abs=1)
    assert [round(line.row) - 2 * SIDE for line in found[4:]] == pytest.approx(expected, abs=1)


def test_a_bar_is_a_line_only_if_it_is_thin():
    for factor, count in ((0.8, 1), (1.3, 0)):
        assert len(find_lines(draw_mask(tilted(0), width=factor * MAX_THICKNESS * SIDE))) == count


@pytest.mark.parametrize("degrees", [30, 45, 60])
def test_steep_strokes_are_no_lines(degrees):
    assert find_lines(draw_mask(tilted(degrees, length=0.4))) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (60, 60), (3, 1000)])
def test_blank_masks_and_masks_of_one_pixel_have_no_lines(shape):
    mask = np.zeros(shape, bool)
    assert find_lines(mask) == []
    mask.flat[mask.size // 2] = True
    assert find_lines(mask) == []


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("radius", [0.05, 0.1, 0.25, 0.45])
@pytest.mark.parametrize("width", [0.02, 0.05])
def test_discs_have_no_lines_and_rings_none_as_long_as_their_diameter(side, radius, width):
    ring = draw_mask(arc((0.5, 0.5), (radius, radius), 0, 360, 96), width=width * side, side=side)
    assert all(line.length < 0.9 * 2 * radius * side for line in find_lines(ring))
    assert find_lines(ndimage.binary_fill_holes(ring)) == []


def test_a_small_ring_has_no_lines():
    assert find_lines(draw_mask(arc((0.5, 0.5), (0.1, 0.1), 0, 360))) == []


@pytest.mark.parametrize("degrees", [0, 5, -12])
@pytest.mark.parametrize("width", [1, 3])
def test_erase_keeps_the_strokes_of_digits_that_lines_cross_and_touch(width, degrees):
    ends = tilted(degrees, length=1)
    lines = draw_mask(*([(x, y + shift) for x, y in ends] for shift in (-0.3, -0.2, 0.07, 0.3)), width=width)
    for digit, points in STROKES.items():
        strokes = draw_strokes(points, side=SIDE, stroke_width=0.15) < 128
        mask = strokes | lines
        found = [line for line in find_lines(mask) if not line.is_vertical and line.length >= 0.9 * SIDE]
        erased = erase(mask, found)
        assert len(found) == 4, digit
        assert (strokes & ~lines & ~erased).sum() <= 0.005 * strokes.sum(), digit
        stubs = erased & ~strokes  # in the acute angles between lines and strokes
        assert stubs.sum() <= 0.08 * lines.sum(), digit


def test_erase_does_not_cut_a_stroke_at_right_angles():
    stroke = draw_mask([(0.5, 0.2), (0.5, 0.8)], width=20)
    mask = stroke | draw_mask([(0, 0.4), (1, 0.4)], [(0, 0.8), (1, 0.8)])
    np.testing.assert_array_equal(erase(mask, find_lines(mask)), stroke)
    np.testing.assert_array_equal(erase(mask.T, find_lines(mask.T)), stroke.T)


def test_only_the_given_lines_are_erased():
    upper, lower = draw_mask([(0.1, 0.2), (0.9, 0.2)]), draw_mask([(0.1, 0.7), (0.6, 0.7)])
    longer, shorter = find_lines(upper | lower)
    np.testing.assert_array_equal(erase(upper | lower, [longer]), lower)
    np.testing.assert_array_equal(erase(upper | lower, [shorter]), upper)
    np.testing.assert_array_equal(erase(lower, [longer]), lower)


@given(masks)
def test_erasing_no_lines_changes_nothing(mask):
    np.testing.assert_array_equal(erase(mask, []), mask)


@given(masks, st.integers(1, 3), st.lists(st.floats(0, 1), max_size=4))
def test_erasing_removes_only_pixels_of_lines_and_keeps_the_given_mask(mask, factor, rows):
    mask = np.kron(mask, np.ones((factor, factor), bool))
    for row in rows:
        mask[round(row * (len(mask) - 1))] = True
    before, lines = mask.copy(), find_lines(mask)
    is_line = np.zeros_like(mask)
    for line in lines:
        for column, start, end in line.runs:
            (is_line.T if line.is_vertical else is_line)[start:end, column] = True
    erased = erase(mask, lines)
    np.testing.assert_array_equal(mask, before)
    assert not (erased & ~mask).any()
    assert not (mask & ~erased & ~is_line).any()
    assert not (is_line & ~mask).any()


@given(masks)
def test_transposed_mask_has_the_same_lines_in_the_other_direction(mask):
    def summarise(lines, *, is_vertical):
        return [(line.first, line.last, line.thickness) for line in lines if line.is_vertical == is_vertical]

    lines, others = find_lines(mask), find_lines(mask.T)
    assert summarise(lines, is_vertical=False) == summarise(others, is_vertical=True)
    assert summarise(lines, is_vertical=True) == summarise(others, is_vertical=False)
