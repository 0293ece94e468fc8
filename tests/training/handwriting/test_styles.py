"""The styles are complete, and a drawing is parsed into strokes of points and corners."""

import numpy as np
import pytest

from training.handwriting.styles import choose_style, load_styles, parse_style

STYLES = [style for styles in load_styles() for style in styles]


def test_a_drawing_is_parsed_into_points_corners_and_strokes():
    style = parse_style(4, "open", 2, ["20,0 10,60! 90,60|70,-5 60,100", "30,0 20,50! 80,50 | 60,30 55,100"])
    assert (style.digit, style.name, style.share) == (4, "open", 2)
    assert style.drawings.shape == (2, 5, 2)
    np.testing.assert_allclose(style.drawings[0], [[0.2, 0], [0.1, 0.6], [0.9, 0.6], [0.7, -0.05], [0.6, 1]])
    assert style.corners.tolist() == [False, True, False, False, False]
    assert style.stroke_starts == [3]


@pytest.mark.parametrize(
    "other",
    [
        "20,0 10,60! 90,60",
        "20,0 10,60! 90,60 | 70,0 60,50 60,100",
        "20,0 10,60 90,60 | 70,0 60,100",
        "20,0 | 10,60! 90,60 70,0 60,100",
    ],
    ids=["strokes", "points", "corners", "lengths of strokes"],
)
def test_the_drawings_of_a_style_must_have_the_same_strokes_points_and_corners(other):
    with pytest.raises(ValueError, match="style 'open' of 4: the drawings have different strokes, points or corners"):
        parse_style(4, "open", 1, ["20,0 10,60! 90,60 | 70,0 60,100", other])


def test_a_stroke_must_have_two_points():
    with pytest.raises(ValueError, match="style 'dot' of 1: a stroke must have two points"):
        parse_style(1, "dot", 1, ["50,0 50,100 | 70,50"])


@pytest.mark.parametrize("digit", range(10))
def test_each_digit_has_several_styles_with_different_names(digit):
    styles = load_styles()[digit]
    assert len(styles) >= 5
    assert len({style.name for style in styles}) == len(styles)
    assert {style.digit for style in styles} == {digit}


@pytest.mark.parametrize("style", STYLES, ids=lambda style: f"{style.digit} {style.name}")
def test_each_drawing_fills_about_one_height_and_all_its_strokes_have_two_points(style):
    assert style.share > 0
    heights = np.ptp(style.drawings[:, :, 1], axis=1)
    assert ((heights >= 0.85) & (heights <= 1.1)).all()
    assert ((style.drawings[:, :, 0] > -0.2) & (style.drawings[:, :, 0] < 1.4)).all()
    assert min(map(len, np.split(style.corners, style.stroke_starts))) >= 2


def test_a_style_is_chosen_as_often_as_its_share_says():
    styles, rng = load_styles()[1], np.random.default_rng(0)
    chosen = [choose_style(1, rng) for _ in range(3000)]
    total = sum(style.share for style in styles)
    for style in styles:
        assert chosen.count(style) / len(chosen) == pytest.approx(style.share / total, abs=0.03)
