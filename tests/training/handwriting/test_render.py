"""Strokes are drawn with a round pen and normalised by the steps of the service."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import normalise_digit
from tests.drawing import STROKES
from training.handwriting import render as module
from training.handwriting.render import draw_lines, log_uniform, normalise, render

points = st.tuples(st.floats(3, 17), st.floats(3, 12))
VERTICAL = np.array([[0.5, 0], [0.5, 1]])
SEVEN = [np.array(stroke) for stroke in STROKES[7]]


@given(st.lists(points, min_size=2, max_size=5), st.floats(0.3, 4))
def test_the_coverage_of_a_pixel_follows_from_its_distance_to_the_strokes(path, radius):
    """A slow reference: the distance to the nearest of many points along the strokes."""
    line = np.array(path)
    steps = np.linspace(0, 1, 1000)[:, np.newaxis]
    dense = np.concatenate([start + steps * (end - start) for start, end in pairwise(line)])
    row, column = np.indices((15, 20))
    distance = np.hypot(column[..., np.newaxis] - dense[:, 0], row[..., np.newaxis] - dense[:, 1]).min(axis=-1)
    expected = np.clip(radius + 0.5 - distance, 0, 1)
    np.testing.assert_allclose(draw_lines([line], radius, 15, 20), expected, atol=0.01)


def test_several_lines_are_drawn_without_lines_between_them():
    upper, lower = np.array([[2, 2], [12, 2]], float), np.array([[2, 12], [12, 12]], float)
    both = draw_lines([upper, lower], 1, 15, 15)
    np.testing.assert_array_equal(both, np.maximum(draw_lines([upper], 1, 15, 15), draw_lines([lower], 1, 15, 15)))


@given(st.integers(0, 2**32))
def test_a_rendered_digit_lies_inside_its_picture_and_within_the_range_of_heights(seed):
    picture = render(SEVEN, np.random.default_rng(seed))
    assert picture.dtype == np.float32
    assert picture.max() > 0.5
    edges = picture[[0, -1]].sum() + picture[:, [0, -1]].sum()
    assert edges == 0
    rows = np.flatnonzero((picture >= 0.5).any(axis=1))
    assert 14 <= rows[-1] - rows[0] + 1 <= 46


def test_normalise_is_the_normalisation_of_the_service_if_nothing_varies(monkeypatch):
    monkeypatch.setattr(module, "BOX_WIDTH_JITTER", 0)
    monkeypatch.setattr(module, "WIDENING_JITTER", 0)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        picture = render(SEVEN, rng)
        np.testing.assert_array_equal(normalise(picture, rng), normalise_digit(picture))


def test_the_width_of_the_pen_has_the_documented_range():
    pictures = [render([VERTICAL], np.random.default_rng(seed)) for seed in range(300)]
    widths = [picture.sum(axis=1).max() / (picture.sum(axis=0).max() or 1) for picture in pictures]
    assert min(widths) < 0.06
    assert 0.25 < max(widths) < 0.31


def test_the_narrowest_pen_covers_a_pixel_by_half_wherever_it_lies(monkeypatch):
    monkeypatch.setattr(module, "HEIGHTS", (16.0, 16.0))
    monkeypatch.setattr(module, "PEN_WIDTHS", (0.045, 0.045))
    maxima = [render([VERTICAL], np.random.default_rng(seed)).max() for seed in range(200)]
    assert min(maxima) >= 0.5
    assert np.ptp(maxima) > 0.3  # the line lies on the centres of pixels or between them


@pytest.mark.parametrize("stroke", [[[0, 0.5], [9, 0.5]], [[0.5, 0.5], [0.501, 0.5]]], ids=["wide", "tiny"])
def test_the_picture_of_a_wide_or_tiny_drawing_is_small(stroke):
    for seed in range(50):
        rows, columns = render([np.array(stroke)], np.random.default_rng(seed)).shape
        assert rows <= 44 + 6
        assert columns <= 1.7 * 44 + 6


def test_normalise_varies_the_width_of_wide_digits_by_one_column(monkeypatch):
    monkeypatch.setattr(module, "WIDENING_JITTER", 0)
    picture = render(SEVEN, np.random.default_rng(0))
    assert len({normalise(picture, np.random.default_rng(seed)).tobytes() for seed in range(40)}) == 3


def test_normalise_varies_the_limit_of_the_widening_of_narrow_digits(monkeypatch):
    monkeypatch.setattr(module, "BOX_WIDTH_JITTER", 0)
    picture = render([np.array(stroke) for stroke in STROKES[1]], np.random.default_rng(0))
    images = [normalise(picture, np.random.default_rng(seed)) for seed in range(40)]
    assert len({image.any(axis=0).sum() for image in images}) > 2  # columns of the image that hold ink


def test_log_uniform_draws_half_of_the_numbers_below_the_geometric_mean():
    rng = np.random.default_rng(0)
    numbers = np.array([log_uniform((0.04, 0.25), rng) for _ in range(2000)])
    assert ((numbers >= 0.04) & (numbers <= 0.25)).all()
    assert (numbers < 0.1).mean() == pytest.approx(0.5, abs=0.04)
