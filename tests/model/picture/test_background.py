"""Taking ink off paper of any kind."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage

from model import BlankPictureError, PictureError, PictureShapeError, normalise_digit, subtract_background
from model.picture.background import (
    LEVELS,
    PEN_SHARE,
    STRAYS,
    estimate_paper,
    fit_robustly,
    lopsidedness,
    pen_level,
    remove_strokes,
    slide,
)
from tests.drawing import draw

SIDE = 160
Y, X = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
NOISE = np.random.default_rng(0).normal(0, 1, (SIDE, SIDE))

# What the light does to white paper; ink keeps a quarter of it.
LIGHT = {
    "even": np.full((SIDE, SIDE), 0.9),
    "dim": np.full((SIDE, SIDE), 0.35),
    "from the left": 0.7 - 0.25 * X,
    "from a corner": 0.7 - 0.15 * X + 0.12 * Y,
    "falling off outwards": 0.85 - 0.25 * (X**2 + Y**2),
    "a soft shadow": 0.5 + 0.35 / (1 + np.exp(-8 * (X + Y / 2))),
    "a dark corner": np.where(X + Y < -1.2, 0.1, 0.85),
}


def lit(digit, light):
    drawn = draw(digit, side=SIDE) / 255
    return (255 * light * (0.25 + 0.75 * drawn)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("light", LIGHT)
@pytest.mark.parametrize("is_chalk", [False, True], ids=["pen", "chalk"])
def test_a_digit_is_read_whatever_the_light(network_reads, light, is_chalk):
    pictures = [lit(digit, LIGHT[light]) for digit in range(10)]
    read = [network_reads(255 - picture if is_chalk else picture) for picture in pictures]
    assert read == list(range(10))


@pytest.mark.parametrize("contrast", [30, 60, 120])
def test_a_faint_pen_on_noisy_paper_is_read(network_reads, contrast):
    faint = 200 - contrast * (1 - draw(5, side=SIDE) / 255) + 3 * NOISE
    assert network_reads(faint.clip(0, 255).astype(np.uint8)) == 5


@pytest.mark.parametrize("light", ["even", "dim", "from the left", "from a corner", "falling off outwards"])
def test_paper_alone_is_blank(light):
    with pytest.raises(BlankPictureError):
        subtract_background((255 * LIGHT[light] + 3 * NOISE).clip(0, 255).astype(np.uint8))


def test_full_ink_is_one_and_paper_is_zero():
    ink = subtract_background(draw(0, side=SIDE))
    drawn = draw(0, side=SIDE)
    assert ink.dtype == np.float32
    assert ink[drawn == 0].min() > 0.98
    assert ink[drawn == 255].max() < 1e-6


def test_an_edge_keeps_its_share_of_ink():
    drawn = draw(0, side=SIDE)
    np.testing.assert_allclose(subtract_background(drawn), 1 - drawn / 255, atol=0.04)


def test_black_on_white_and_white_on_black_give_the_same_ink():
    drawn = draw(3, side=SIDE)
    np.testing.assert_allclose(subtract_background(drawn), subtract_background(255 - drawn), atol=1e-5)


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=70)))
def test_any_brightness_gives_an_image_or_says_why_not(brightness):
    try:
        image = normalise_digit(subtract_background(brightness))
    except PictureError:
        return
    assert image.shape == (8, 8)
    assert 0 <= image.min() <= image.max() <= 16


@pytest.mark.parametrize("shape", [(5,), (0, 4), (4, 0), (3, 3, 3), ()])
def test_what_is_no_picture_is_refused(shape):
    with pytest.raises(PictureShapeError, match="height, width"):
        subtract_background(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 2)])
def test_even_paper_of_any_shape_is_blank(shape):
    with pytest.raises(BlankPictureError):
        subtract_background(np.full(shape, 77, np.uint8))


def test_a_plane_is_found_although_three_in_ten_values_are_far_off():
    rng = np.random.default_rng(1)
    terms = np.stack([np.ones(1000), *rng.uniform(-1, 1, (2, 1000))], axis=1)
    values = terms @ (100, 20, -30) + rng.normal(0, 0.5, 1000)
    values[:300] -= 90
    np.testing.assert_allclose(fit_robustly(terms, values), (100, 20, -30), atol=1)


def test_the_surface_is_that_of_the_paper_and_the_rest_is_lopsided_to_the_ink():
    coarse = (200 + 30 * X + 10 * Y)[::4, ::4].astype(np.float32)
    plain = coarse.copy()
    coarse[10:30, 18:22] -= 120
    paper = estimate_paper(coarse)
    np.testing.assert_allclose(paper.surface, plain, atol=2)
    assert paper.lopsidedness < -0.95


@given(arrays(np.float64, 20, elements=st.floats(-255, 255)))
def test_lopsidedness_has_a_sign_that_turns_with_the_values(rest):
    assert -1 <= lopsidedness(rest) <= 1
    assert lopsidedness(-rest) == pytest.approx(-lopsidedness(rest))


def test_one_value_far_off_outweighs_many_near_ones():
    assert lopsidedness(np.array([1.0] * 20 + [-10.0])) < -0.9


def test_opening_removes_a_stroke_and_keeps_a_shadow():
    rest = np.zeros((40, 40), np.float32)
    rest[:, 25:] = 50  # a shadow to the edge
    shadow = rest.copy()
    rest[5:35, 8:12] += 100
    np.testing.assert_array_equal(remove_strokes(rest), shadow)


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=20), elements=st.integers(0, 9)))
def test_strokes_are_removed_as_scipy_opens_a_picture_that_goes_on_as_it_ends(rest):
    side = 2 * max(1, round(min(rest.shape) * PEN_SHARE / 2)) + 1
    further = ndimage.grey_opening(np.pad(rest, 40, mode="edge"), (side, side))
    np.testing.assert_array_equal(remove_strokes(rest), further[40:-40, 40:-40])


@pytest.mark.parametrize("digit", [0, 3, 4, 5, 6])
def test_a_pen_so_fat_that_ink_covers_what_the_paper_is_fitted_to_is_read(network_reads, digit):
    assert network_reads(draw(digit, side=SIDE, pen=0.3, height=0.7)) == digit


def test_a_few_stray_points_do_not_set_the_level_of_the_pen():
    departure = np.zeros(100_000, np.float32)
    departure[:2000] = 60
    departure[2000:2060] = 250
    assert pen_level(departure) == pytest.approx(60, abs=6)


def test_no_more_points_are_taken_for_strays_because_a_picture_is_large():
    departure = np.random.default_rng(3).normal(0, 2, 1_000_000).astype(np.float32)
    departure[:500] = 150
    assert pen_level(departure) == pytest.approx(150)


def test_no_point_is_taken_for_a_stray_in_a_picture_of_a_few():
    departure = np.random.default_rng(3).normal(0, 8, 1000).astype(np.float32)
    departure[:3] = 150
    assert pen_level(departure) == pytest.approx(150)


@pytest.mark.parametrize("share", [0.3, 0.05, 0.001])
def test_the_level_of_the_pen_is_found_however_little_ink_there_is(share):
    rng = np.random.default_rng(2)
    departure = rng.normal(0, 4, 100_000)
    departure[: int(share * departure.size)] += 150
    assert pen_level(departure.astype(np.float32)) == pytest.approx(150, abs=5)


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=12)), st.data())
def test_windows_that_grow_find_what_windows_of_full_width_find(values, data):
    values = np.nan_to_num(values)
    width = data.draw(st.integers(1, len(values)))
    windows = sliding_window_view(values, width, axis=0)
    assert (slide(np.maximum, values, width) == windows.max(axis=-1)).all()
    assert (slide(np.minimum, values, width) == windows.min(axis=-1)).all()


def plain_pen_level(departure):
    """The level, looked for among all points in every round."""
    flat = departure.ravel()
    strays = min(STRAYS, flat.size // 1024)
    level = float(np.sort(flat)[flat.size - 1 - strays])
    for _ in range(LEVELS):
        marks = flat[flat > level / 2]
        if marks.size == 0:
            return 0.0
        level = float(marks.mean())
    return level


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 50, 2000, 5000]), st.floats(1.01, 4))
def test_leaving_out_what_no_round_looks_at_changes_no_level(seed, count, falling):
    rng = np.random.default_rng(seed)
    steps = 200 / falling ** rng.integers(0, 12, count)  # the mean may fall by nearly half a round
    specks = np.append(-rng.uniform(1, 10, count), np.full(count // 1024, 100.0))  # as few as are left out
    for values in (steps, rng.normal(-5, 10, count), -steps, np.zeros(count), steps - 100, specks):
        departure = values.astype(np.float32)
        assert pen_level(departure) == plain_pen_level(departure)
