"""Digits are classified correctly under several circumstances at once."""

import numpy as np
import pytest

from tests.drawing import draw

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
