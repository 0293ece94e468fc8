"""The released network recognises digits in the shapes in which people write them, wherever they are drawn."""

from typing import Any

import numpy as np
import pytest

from model import PIXELS, normalise_digit, subtract_background
from tests.docs.documents import prose
from tests.drawing import draw_strokes
from tests.drawn_shapes import SHAPES

PLACEMENTS: dict[str, dict[str, Any]] = {
    "in the middle": {},
    "small in a corner": {"height": 0.3, "centre": (0.25, 0.3), "stroke_width": 0.07},
    "large with a wide pen": {"height": 0.75, "stroke_width": 0.16},
    "white on black in 28×28": {"side": 28, "height": 0.64, "stroke_width": 0.14, "foreground": 255, "background": 0},
}
DRAWINGS = [(digit, name, strokes) for digit, shapes in SHAPES.items() for name, strokes in shapes.items()]


@pytest.fixture(scope="module")
def is_correct(artefact):
    """Tell for each shape and placement whether it is classified correctly, shape (shapes, placements)."""
    pictures = [draw_strokes(strokes, **placement) for *_, strokes in DRAWINGS for placement in PLACEMENTS.values()]
    pixels = np.array([normalise_digit(subtract_background(picture)) for picture in pictures])
    predicted = artefact.network.probabilities(pixels.reshape(-1, PIXELS)).argmax(axis=1)
    return predicted.reshape(len(DRAWINGS), -1) == np.array([[digit] for digit, *_ in DRAWINGS])


def test_at_least_98_5_percent_of_the_drawn_shapes_are_classified_correctly(is_correct):
    assert len(DRAWINGS) >= 75
    wrong = [(*DRAWINGS[shape][:2], list(PLACEMENTS)[place]) for shape, place in np.argwhere(~is_correct)]
    assert is_correct.mean() >= 0.985, wrong


def test_page_about_pictures_has_the_number_of_correct_predictions(is_correct):
    assert f"{is_correct.sum()} of them are" in prose("docs/pictures.md")


@pytest.mark.parametrize(
    ("digit", "name"), [(1, "flag and foot"), (8, "small head"), (6, "tiny loop"), (2, "loop at bottom left")]
)
def test_common_shapes_that_the_training_rows_lack_are_classified_correctly_in_every_placement(is_correct, digit, name):
    (shape,) = (i for i, drawing in enumerate(DRAWINGS) if drawing[:2] == (digit, name))
    assert is_correct[shape].all()
