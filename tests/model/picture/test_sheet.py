"""Tests of finding the sheet: desk, shadow and strokes beside it, in it, and across its border."""

import numpy as np
import pytest

from model import subtract_background
from model.picture.morphology import erode, gradient
from model.picture.normalise import MIN_COVERAGE
from model.picture.sheet import find_sheet, fit_background, largest_area
from model.picture.smooth import MIN_EDGE, WIDE_RADIUS
from model.picture.surroundings import find_surroundings
from tests.drawing import STROKES, draw, draw_strokes

SIDE = 160
COARSE = 48
Y, X = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
COARSE_Y, COARSE_X = np.mgrid[-1 : 1 : COARSE * 1j, -1 : 1 : COARSE * 1j]
DIGITS = {digit: draw(digit, side=SIDE, height=0.5) for digit in range(10)}
BAR_OF_WHOLE_WIDTH = [[(0, 0), (1, 0), (0.42, 1)]]  # a 7
SHEET, INK = (230, 230, 225), (30, 30, 60)
DESKS = {"dark": (40, 40, 40), "brown": (120, 80, 50), "grey": (140, 140, 140)}
PLACES = {
    "at one side": X < -0.7,
    "at two sides": (X < -0.75) | (Y < -0.7),
    "slanted": X + 0.2 * Y > 0.75,
    "at opposite sides": np.abs(Y) > 0.7,
    "all round": (np.abs(X) > 0.7) | (np.abs(Y) > 0.7),
}


def colour(drawn):
    """Draw a digit on a sheet, shape (SIDE, SIDE, 3)."""
    share = drawn[..., None] / 255
    return np.array(SHEET) * share + np.array(INK) * (1 - share)


def assert_shows(picture, drawn, atol):
    """Compare the coverage that is found in a picture with that of the drawn digit."""
    np.testing.assert_allclose(subtract_background(picture.clip(0, 255).astype(np.uint8)), 1 - drawn / 255, atol=atol)


@pytest.mark.parametrize("desk", DESKS)
@pytest.mark.parametrize("place", PLACES)
def test_a_desk_is_no_foreground_and_all_strokes_stay(desk, place):
    noise = np.random.default_rng(0).normal(0, 1, (SIDE, SIDE, 1))
    for digit in (0, 1, 4, 7):
        picture = np.where(PLACES[place][..., None], DESKS[desk], colour(DIGITS[digit]))
        assert_shows(picture + noise, DIGITS[digit], atol=0.1)


@pytest.mark.parametrize("digit", range(10))
def test_a_sheet_without_a_desk_is_whole_and_its_background_has_no_strokes(digit):
    drawn = draw(digit, side=COARSE)
    sheet = find_sheet(colour(drawn).astype(np.float32))
    assert sheet.is_sheet.all()
    assert not sheet.is_background[drawn < 255].any()
    assert sheet.is_background.mean() > 0.6
    np.testing.assert_allclose(sheet.surface, np.broadcast_to(SHEET, (COARSE, COARSE, 3)), atol=1)


def test_the_desk_of_a_coarse_picture_is_no_sheet_and_the_holes_of_a_digit_are_background():
    drawn = draw(0, side=COARSE, height=0.7, centre=(0.55, 0.5))
    picture = np.where(COARSE_X[..., None] < -0.6, DESKS["brown"], colour(drawn)).astype(np.float32)
    sheet = find_sheet(picture)
    assert not sheet.is_sheet[COARSE_X < -0.6].any()
    assert sheet.is_sheet[COARSE_X > -0.5].all()  # the pixel between them may show both
    assert sheet.is_background[COARSE // 2, round(0.55 * COARSE)]
    assert not sheet.is_background[~sheet.is_sheet].any()


def test_a_sheet_is_whole_if_all_strokes_are_on_a_darker_half_that_seemed_to_be_a_desk():
    drawn = draw(5, side=COARSE, height=0.4, centre=(0.25, 0.5))
    picture = np.where(COARSE_X[..., None] < 0.1, colour(drawn) * (0.5, 0.4, 0.2), SHEET).astype(np.float32)
    sheet = find_sheet(picture)
    assert sheet.is_sheet.all()
    assert sheet.is_background[drawn == 255].mean() > 0.9
    assert not sheet.is_background[drawn < 128].any()


def test_the_soft_edge_of_a_shadow_is_background_and_a_stroke_across_is_not():
    light = 0.6 + 0.4 / (1 + np.exp(-15 * COARSE_X))
    stroke = (np.abs(COARSE_Y) < 0.06) & (np.abs(COARSE_X) < 0.5)
    sheet = find_sheet((200 * light * np.where(stroke, 0.2, 1))[..., None].astype(np.float32))
    assert sheet.is_sheet.all()
    assert sheet.is_background[np.abs(COARSE_Y) > 0.3].all()
    assert not sheet.is_background[stroke].any()


def crop(drawn, margin):
    """Crop a drawn digit to its strokes and a margin in pixels."""
    (top, bottom), (left, right) = (
        (max(0, places.min() - margin), places.max() + 1 + margin) for places in np.nonzero(drawn < 128)
    )
    return drawn[top:bottom, left:right]


@pytest.mark.parametrize("stroke_width", [0.06, 0.12, 0.2], ids=["thin", "medium", "thick"])
def test_a_digit_that_is_cropped_to_its_strokes_keeps_them(stroke_width):
    for digit in range(10):
        drawn = crop(draw(digit, side=SIDE, stroke_width=stroke_width), 3)
        assert_shows(drawn, drawn, atol=0.1)


@pytest.mark.parametrize("strokes", [BAR_OF_WHOLE_WIDTH, STROKES[0], STROKES[8]], ids=["7", "0", "8"])
@pytest.mark.parametrize("stroke_width", [0.08, 0.12, 0.2])
def test_strokes_that_touch_the_border_of_the_picture_stay(strokes, stroke_width):
    drawn = crop(draw_strokes(strokes, side=SIDE, stroke_width=stroke_width), 0)
    assert_shows(drawn, drawn, atol=0.1)


@pytest.mark.parametrize("edge", [-0.6, 0, 0.6], ids=["beside it", "across it", "around it"])
@pytest.mark.parametrize("tilt", [0, 0.2])
def test_a_shadow_with_a_soft_edge_is_no_foreground_wherever_the_digit_is(edge, tilt):
    light = 0.6 + 0.4 / (1 + np.exp(-12 * (X + tilt * Y - edge)))
    for digit in (0, 1, 4, 7):
        assert_shows(light[..., None] * colour(DIGITS[digit]), DIGITS[digit], atol=MIN_COVERAGE)


# The surface of the background in the tests of single steps.
PARABOLOID = (200 + 20 * COARSE_X - 15 * COARSE_Y - 12 * (COARSE_X**2 + COARSE_Y**2)).astype(np.float32)
EVERYWHERE = np.ones((COARSE, COARSE), bool)
DISTANCE = np.maximum(np.abs(COARSE_X), np.abs(COARSE_Y))  # from the middle; the larger one along both axes
LEFT, RIGHT = COARSE_X < -0.05, COARSE_X > 0.05


def test_fit_background_recovers_a_paraboloid_with_40_percent_outliers_outside_of_the_area():
    area = np.random.default_rng(0).random((COARSE, COARSE)) < 0.6
    coarse = np.stack([PARABOLOID, 0.8 * PARABOLOID], axis=-1)
    surface, is_background = fit_background(np.where(area[..., None], coarse, coarse - 90), EVERYWHERE, area)
    np.testing.assert_allclose(surface, coarse, atol=3)
    np.testing.assert_array_equal(is_background, area)


def test_fit_background_extends_the_ground_to_smooth_pixels_that_continue_the_area():
    area = DISTANCE < 0.6
    surface, is_background = fit_background(PARABOLOID[..., None], EVERYWHERE, area)
    np.testing.assert_allclose(surface[..., 0], PARABOLOID, atol=4)
    assert is_background.all()


def test_fit_background_extrapolates_flat_from_a_small_area():
    area = np.hypot(COARSE_X + 0.5, COARSE_Y) < 0.12
    coarse = np.where(area, 200 + 40 * COARSE_X, 0).astype(np.float32)[..., None]
    surface, is_background = fit_background(coarse, area, area)
    np.testing.assert_allclose(surface, np.full_like(surface, coarse[area].mean()), atol=3)
    np.testing.assert_array_equal(is_background, area)


@pytest.mark.parametrize(
    ("sheet", "other", "wide_part", "light_of_other"),
    [
        pytest.param(LEFT, RIGHT, LEFT | RIGHT, 0.5, id="left and bright"),
        pytest.param(RIGHT, LEFT, LEFT | RIGHT, 0.5, id="right and bright"),
        pytest.param(DISTANCE < 0.64, DISTANCE > 0.68, EVERYWHERE, 1, id="in the middle, beside a larger area"),
        pytest.param(COARSE_X > 0.6, COARSE_X < 0.5, COARSE_X > 0.6, 1, id="small, beside an area without wide parts"),
    ],
)
def test_the_largest_area_is(sheet, other, wide_part, light_of_other):
    areas = np.select([other, sheet], [0, 1], -1)
    brightness = np.where(other, 200 * light_of_other, 200).astype(np.float32)
    np.testing.assert_array_equal(largest_area(areas, wide_part, brightness), sheet)


def test_the_largest_area_of_a_picture_without_wide_parts_touches_most_of_the_border():
    areas = np.array([[1, 1, 1, 1, 1, 0], [1, -1, -1, -1, -1, -1], *[[1, -1, 2, 2, 2, 2]] * 5, [1, -1, -1, -1, -1, -1]])
    area = largest_area(areas, np.zeros_like(areas, bool), np.full(areas.shape, 200, np.float32))
    np.testing.assert_array_equal(area, areas == 1)


def surroundings(brightness):
    """Find the desk and the shadow beside a white sheet, whose surface is known."""
    coarse = np.asarray(brightness, np.float32)[..., None]
    surface = np.full_like(coarse, 200)
    is_smooth = gradient(coarse)[..., 0] <= MIN_EDGE
    is_background = np.abs(coarse - surface)[..., 0] <= MIN_EDGE
    return find_surroundings(coarse, surface, is_background, is_smooth, erode(is_smooth, WIDE_RADIUS))


@pytest.mark.parametrize("light", [0.25, 0.45])
def test_a_strip_at_a_side_is_desk(light):
    strip = COARSE_X < -0.6
    desk, shadow = surroundings(np.where(strip, 200 * light, 200))
    assert desk[strip].all()
    assert not desk[COARSE_X > -0.5].any()
    assert not shadow.any()


@pytest.mark.parametrize(("light", "is_shadow"), [(0.6, True), (0.2, False)])
def test_a_wide_darkened_area_in_the_middle_is_shadow_if_it_is_not_too_dark(light, is_shadow):
    spot = DISTANCE < 0.5
    desk, shadow = surroundings(np.where(spot, 200 * light, 200))
    assert not desk.any()
    np.testing.assert_array_equal(shadow, spot & is_shadow)


def test_a_soft_shadow_that_a_stroke_crosses_is_shadow_and_no_desk():
    light = 200 - 70 / (1 + np.exp(15 * (COARSE_X + 0.2)))
    stroke = (np.abs(COARSE_Y) < 0.06) & (np.abs(COARSE_X) < 0.7)
    desk, shadow = surroundings(np.where(stroke, 30, light))
    assert not desk.any()
    assert shadow[(COARSE_X < -0.4) & ~stroke].all()
    assert not shadow[(COARSE_X > 0.1) & ~stroke].any()


def test_a_stroke_through_a_corner_that_lies_mostly_inside_is_neither_desk_nor_shadow():
    ring = np.abs(np.hypot(COARSE_X, COARSE_Y) - 0.5) < 0.1
    tail = (np.abs(COARSE_X - COARSE_Y) < 0.1) & (COARSE_X < -0.35)
    desk, shadow = surroundings(np.where(ring | tail, 30, 200))
    assert not desk.any()
    assert not shadow.any()


def test_strokes_in_a_shadow_have_the_same_coverage_as_strokes_in_the_light():
    bar = (np.abs(Y) < 0.1) & (np.abs(X) < 0.8)
    light = 0.5 + 0.5 / (1 + np.exp(-12 * X))
    coverage = subtract_background((230 * light * np.where(bar, 0.2, 1)).astype(np.uint8))
    assert coverage[bar & (np.abs(X) < 0.75)].min() > 0.75
