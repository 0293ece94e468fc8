"""Printed lines, boxes and underlines are removed, and the strokes of digits are kept."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from model.picture.components import remove_small_components, stroke_width
from model.picture.morphology import dilate
from model.picture.normalise import MIN_COVERAGE
from model.picture.printed import remove_lines
from tests.drawing import STROKES, arc, draw_strokes
from tests.drawn_shapes import SHAPES

SIDE = 200
PEN = 0.1  # width of the strokes, as a share of the digit's height
HEIGHT = 0.55  # of a digit between the lines, as a share of the side
PEN_PIXELS = PEN * HEIGHT * SIDE


def cover(strokes, **options):
    """Return the coverage of strokes; the options are those of `draw_strokes`."""
    return (255 - draw_strokes(strokes, **options)) / np.float32(255)


def cover_lines(lines, width, side=SIDE):
    """Return the coverage of lines whose points are shares of the side, and whose width is in pixels."""
    return cover(lines, side=side, height=1, stroke_width=width / side)


def rules(spacing):
    """Return horizontal lines over the whole width."""
    return [[(0, at), (1, at)] for at in np.arange(spacing / 2, 1, spacing)]


def squares(spacing):
    """Return a grid of horizontal and vertical lines."""
    return [*rules(spacing), *([(y, x) for x, y in line] for line in rules(spacing))]


DIGITS = {d: cover(strokes, side=SIDE, height=HEIGHT, stroke_width=PEN) for d, strokes in STROKES.items()}
BOX = [[(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9), (0.1, 0.1)]]
TILTED_BOX = [[(0.12, 0.08), (0.92, 0.12), (0.88, 0.92), (0.08, 0.88), (0.12, 0.08)]]
# Name → lines, and their width in pixels.
PRINTED = {
    "ruled": (rules(0.12), 1),
    "ruled with wide lines": (rules(0.12), 3),
    "ruled and tilted": ([[(0, at - 0.05), (1, at + 0.05)] for at in (0.2, 0.4, 0.6, 0.8)], 2),
    "squared densely": (squares(0.06), 1),
    "squared widely": (squares(0.2), 2),
    "margin line": ([[(0.12, 0), (0.12, 1)]], 2),
    **{f"box of {width} px": (BOX, width) for width in (1, 2, 3, 4)},
    "tilted box": (TILTED_BOX, 2),
    "box drawn with the pen": (BOX, PEN_PIXELS),
    "short lines above and beside": ([[(0.35, 0.1), (0.65, 0.1)], [(0.1, 0.35), (0.1, 0.65)]], 2),
    "thin underline": ([[(0.25, 0.87), (0.75, 0.87)]], 1),
    "underline drawn with the pen": ([[(0.2, 0.9), (0.8, 0.9)]], PEN_PIXELS),
    "tilted underline drawn with the pen": ([[(0.2, 0.92), (0.8, 0.86)]], PEN_PIXELS),
    "curved underline drawn with the pen": ([arc((0.5, -0.6), (1.5, 1.5), 78, 102)], PEN_PIXELS),
}


@pytest.mark.parametrize("name", PRINTED)
def test_printed_lines_are_removed_and_digits_keep_their_coverage(name):
    lines = cover_lines(*PRINTED[name])
    for digit, strokes in DIGITS.items():
        cleaned, is_stroke = remove_lines(np.maximum(strokes, lines)), strokes >= MIN_COVERAGE
        assert (np.abs(cleaned - strokes) > 0.3)[is_stroke].mean() <= 0.015, digit
        rest = remove_small_components(cleaned >= MIN_COVERAGE) & ~is_stroke
        assert rest.sum() <= 0.06 * (lines >= MIN_COVERAGE).sum(), digit


@pytest.mark.parametrize("position", [0.05, 0.9])
@pytest.mark.parametrize("offset", [0, 0.125, 0.3])
def test_the_faint_edges_of_a_line_are_removed_too(position, offset):
    at = position + offset / SIDE
    cleaned = remove_lines(np.maximum(DIGITS[3], cover_lines([[(0, at), (1, at)]], width=2)))
    np.testing.assert_array_equal(cleaned, DIGITS[3])


STRAIGHT_STROKES = {
    "bar of a 7": SHAPES[7]["wide"],
    "second bar of a 7": SHAPES[7]["crossed"],
    "only stroke of a 1": SHAPES[1]["bare line"],
    "stem of a 1": SHAPES[1]["short flag"],
    "stem of a 4": SHAPES[4]["closed"],
    "long bar of a 4": SHAPES[4]["bar far to the right"],
    "bar of a 5": SHAPES[5]["long bar"],
    "detached bar of a 5": SHAPES[5]["two strokes"],
    "foot of a 1": SHAPES[1]["flag and foot"],
    "wide foot of a 1": SHAPES[1]["long flag and wide foot"],
    "base of a 2": SHAPES[2]["straight foot"],
    "wide base of a 2": SHAPES[2]["wide"],
}


@pytest.mark.parametrize("name", STRAIGHT_STROKES)
@pytest.mark.parametrize("side", [100, 250])
def test_straight_strokes_of_digits_are_kept_for_every_pen_and_size(name, side):
    for height in (0.3, 0.6, 0.92):  # the largest digit fills the frame
        for pen in (1.5, 2, 4, 0.1 * height * side):  # pixels
            coverage = cover(STRAIGHT_STROKES[name], side=side, height=height, stroke_width=pen / (height * side))
            assert remove_lines(coverage) is coverage, (height, pen)


@pytest.mark.parametrize(
    "placement",
    [{}, {"height": 0.3, "centre": (0.25, 0.3)}, {"height": 0.75, "stroke_width": 0.16}, {"side": 28}],
    ids=["in the middle", "small in a corner", "large with a wide pen", "28×28"],
)
def test_coverage_of_a_drawn_shape_is_returned_unchanged(placement):
    coverages = {
        (digit, name): cover(strokes, **{"side": 160} | placement)
        for digit, shapes in SHAPES.items()
        for name, strokes in shapes.items()
    }
    assert [shape for shape, coverage in coverages.items() if remove_lines(coverage) is not coverage] == []


def test_a_thin_bar_that_is_shorter_than_the_digit_is_kept():
    bar = cover([[(0.3, 0.5), (0.8, 0.5)]], side=SIDE, stroke_width=0.02)
    coverage = np.maximum(cover(SHAPES[7]["plain"], side=SIDE), bar)
    assert remove_lines(coverage) is coverage


def test_a_line_as_thick_as_the_strokes_that_touches_the_digit_is_kept():
    coverage = cover([*STROKES[1], [(0.1, 1), (0.9, 1)]], side=SIDE)
    assert remove_lines(coverage) is coverage


@pytest.mark.parametrize("at", [0.1, 0.9])
def test_only_a_line_below_the_digit_is_an_underline(at):
    line = cover_lines([[(0.2, at), (0.8, at)]], PEN_PIXELS)
    assert (remove_lines(np.maximum(DIGITS[0], line))[line > 0] > 0).any() == (at == 0.1)


@pytest.mark.parametrize("shape", [(1, 1), (3, 90), (50, 60)])
def test_blank_coverage_is_returned_unchanged(shape):
    blank = np.zeros(shape, np.float32)
    assert remove_lines(blank) is blank


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=50), elements=st.sampled_from([0, 0.125, 1])))
def test_each_pixel_of_any_coverage_is_kept_or_set_to_zero(coverage):
    before = coverage.copy()
    cleaned = remove_lines(coverage)
    np.testing.assert_array_equal(coverage, before)
    assert ((cleaned == coverage) | (cleaned == 0)).all()
    assert cleaned.dtype == np.float32


@given(st.floats(0, 180), st.floats(60, 180), st.floats(4, 12))
def test_stroke_width_of_a_straight_stroke_is_right_in_any_direction(degrees, length, width):
    x, y = (length / 2 / SIDE * f(math.radians(degrees)) for f in (math.cos, math.sin))
    stroke = cover_lines([[(0.5 - x, 0.5 - y), (0.5 + x, 0.5 + y)]], width) >= 0.5
    assert stroke_width(stroke) == pytest.approx(width, rel=0.3)


@given(st.floats(20, 90), st.floats(2, 12), st.floats(0, 1))
def test_stroke_width_of_a_ring_is_right(radius, width, shift):
    y, x = np.indices((SIDE, SIDE)) - SIDE / 2 + shift
    ring = np.abs(np.hypot(x, y) - radius) <= width / 2
    assert stroke_width(ring) == pytest.approx(width, rel=0.1)


def test_a_0_around_another_closed_shape_is_no_box():
    strokes = [STROKES[0][0], arc((0.5, 0.5), (0.12, 0.16), 0, 360)]
    coverage = cover(strokes, side=SIDE, height=0.7, stroke_width=0.06)
    assert remove_lines(coverage) is coverage


def test_a_short_thick_dash_below_a_digit_is_no_underline():
    coverage = np.maximum(DIGITS[0], cover_lines([[(0.47, 0.9), (0.53, 0.9)]], PEN_PIXELS))
    assert remove_lines(coverage) is coverage


def test_a_thin_underline_through_the_foot_of_a_digit_is_removed_if_it_is_longer_than_the_width():
    foot = round((0.5 + HEIGHT / 2 - 0.02) * SIDE)
    underline = cover_lines([[(0.3, foot / SIDE), (0.7, foot / SIDE)]], 1)
    cleaned = remove_lines(np.maximum(DIGITS[1], underline))
    assert cleaned[(underline > 0) & (DIGITS[1] == 0)].max() < MIN_COVERAGE
    np.testing.assert_array_equal(cleaned[DIGITS[1] == 1], 1)


@pytest.mark.parametrize(
    ("digit", "name", "thin"),
    [(4, "closed", 1), (4, "almost closed", 1), (7, "crossed with serif", 0), (8, "two rings", 0)],
)
def test_a_thin_stroke_that_touches_thick_strokes_is_no_printed_line(digit, name, thin):
    strokes = list(SHAPES[digit][name])
    thin_stroke = cover([strokes.pop(thin)], stroke_width=0.04)
    coverage = np.maximum(thin_stroke, cover(strokes, stroke_width=0.12))
    assert remove_lines(coverage) is coverage


def removes_all(lines, digit):
    """Tell if only specks and crumbs beside the strokes are left of lines on which a digit is drawn."""
    left = remove_small_components(remove_lines(np.maximum(digit, lines)) >= MIN_COVERAGE)
    return not (left & ~dilate(digit > 0, 5)).any()


def test_rules_across_the_sheet_are_removed_if_the_digit_is_near_the_side():
    digit = cover(STROKES[3], side=SIDE, height=HEIGHT, stroke_width=PEN, centre=(0.2, 0.5))
    assert removes_all(cover_lines(rules(0.12), 2), digit)


def test_short_lines_beside_a_digit_are_removed_if_the_sheet_has_many_other_lines():
    short = [[(x, 0), (x, 0.55)] for x in (0.1, 0.2, 0.8, 0.9)]
    assert removes_all(cover_lines([*rules(0.12), *short], 2), DIGITS[8])
