"""Digits are classified correctly under several circumstances at once."""

import numpy as np
import pytest

from tests.drawing import draw, draw_strokes
from tests.drawn_shapes import SHAPES

SIDE = 240
Y, X = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
SHEET, INK, RULE = np.array([235, 230, 220]), np.array([40, 40, 70]), np.array([110, 130, 200])
DARK, BROWN = np.array([45, 45, 50]), np.array([120, 80, 50])
RULES = np.arange(SIDE)[:, None] % 30 < 2
SHADOW = 0.6 + 0.4 / (1 + np.exp(-12 * (X + 0.3 * Y)))


def photograph(digit, *, desk=None, colour=BROWN, printed=False, light=1.0, height=0.4):
    """Draw a digit on a sheet, with a desk where its mask is true, and with light from 0 to 1."""
    ink = 1 - draw(digit, side=SIDE, height=height)[..., None] / 255
    sheet = np.where(np.broadcast_to(printed, (SIDE, SIDE))[..., None], RULE, SHEET)
    scene = sheet + ink * (INK - sheet)
    if desk is not None:
        scene = np.where(desk[..., None], colour, scene)
    noise = np.random.default_rng(digit).normal(0, 2, (SIDE, SIDE, 1))
    return (scene * np.broadcast_to(light, (SIDE, SIDE))[..., None] + noise).clip(0, 255).astype(np.uint8)


CIRCUMSTANCES = {
    "a ruled sheet on a desk": {"desk": X < -0.75, "printed": RULES},
    "a squared sheet on a dark desk": {"desk": Y > 0.7, "colour": DARK, "printed": RULES | RULES.T},
    "a ruled sheet in a shadow": {"printed": RULES, "light": SHADOW},
    "a sheet on a desk with a shadow across both": {"desk": X > 0.75, "light": SHADOW},
    "a sheet that covers half of a dark desk": {"desk": np.maximum(np.abs(X), np.abs(Y)) > 0.68, "colour": DARK},
    "a slanted sheet that covers half of a desk": {"desk": np.maximum(np.abs(X + 0.1 * Y), np.abs(Y - 0.1 * X)) > 0.7},
}


@pytest.mark.parametrize("name", CIRCUMSTANCES)
def test_digits_are_classified_correctly_on(classify_picture, name):
    predicted = [classify_picture(photograph(digit, **CIRCUMSTANCES[name])) for digit in range(10)]
    assert predicted == list(range(10))


@pytest.mark.parametrize(("height", "stroke_width"), [(0.75, 0.22), (0.9, 0.18), (0.6, 0.28), (0.8, 0.25)])
@pytest.mark.parametrize("foreground", [0, 255], ids=["black on white", "white on black"])
def test_bold_strokes_are_no_sheet(classify_picture, height, stroke_width, foreground):
    options = {"height": height, "stroke_width": stroke_width, "foreground": foreground, "background": 255 - foreground}
    assert [classify_picture(draw(digit, **options)) for digit in range(10)] == list(range(10))


@pytest.mark.parametrize(("digit", "name"), [(1, "curved flag"), (8, "narrow"), (9, "small head")])
@pytest.mark.parametrize("margin", [3, 6, 20])
def test_a_digit_that_is_cropped_from_a_photo_with_uneven_light_is_classified_correctly(
    classify_picture, digit, name, margin
):
    drawn = draw_strokes(SHAPES[digit][name], side=360, stroke_width=0.12, foreground=50, background=200)
    rows, columns = np.nonzero(drawn < 120)
    top, left = rows.min() - margin, columns.min() - margin
    crop = drawn[top : rows.max() + 1 + margin, left : columns.max() + 1 + margin]
    light = 1 + 0.2 * np.linspace(-1, 1, crop.shape[1])
    assert classify_picture((crop * light).clip(0, 255).astype(np.uint8)) == digit
