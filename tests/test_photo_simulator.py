"""The simulator of photos makes the same files from the same seed, and counts the correct answers."""

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks.photos import camera
from benchmarks.photos.circumstances import CIRCUMSTANCES
from benchmarks.photos.measure import measure
from benchmarks.photos.photos import place_sheet
from benchmarks.photos.report import HEAD, table
from benchmarks.photos.sheet import handwrite


@pytest.mark.parametrize("name", CIRCUMSTANCES)
def test_a_circumstance_makes_a_picture_that_only_the_seed_decides(name):
    files = []
    for _ in range(2):
        rng = np.random.default_rng(0)
        files.append(CIRCUMSTANCES[name].make(handwrite(3, rng), rng))
    assert files[0] == files[1]
    with Image.open(io.BytesIO(files[0])) as picture:
        picture.load()
        assert min(picture.size) > 40


@pytest.mark.parametrize("sides", range(5))
def test_the_sheet_ends_inside_of_the_picture_at_the_sides_with_a_desk(sides):
    left, top, right, bottom = place_sheet((600, 800), np.random.default_rng(0), sides)
    assert [-left < 400, -top < 300, right < 400, bottom < 300].count(True) == sides


def test_a_camera_without_tilt_shows_the_sheet_as_it_is():
    texture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80), np.uint8))
    np.testing.assert_array_equal(camera.project(texture, (-40, -30), (60, 80), np.eye(3)), texture)


def test_a_tilted_camera_moves_no_point_of_the_sheet_far():
    homography = camera.tilt((600, 800), np.random.default_rng(0))
    x, y, scale = homography @ (100, 50, 1)
    assert np.hypot(x / scale - 100, y / scale - 50) < 25
    assert (homography @ (0, 0, 1)).tolist() == [0, 0, 1]


def test_digits_in_a_box_are_right_and_two_digits_are_rejected():
    boxed = measure("in a printed box", 20, seed=5)
    two = measure("two digits side by side", 20, seed=5)
    assert boxed["right"] >= 0.9
    assert boxed["rejected"] <= 0.1
    assert two["right"] == two["rejected"] >= 0.8


def test_the_table_has_a_row_of_percentages_for_each_circumstance():
    box = {"goal": 95, "right": 0.985, "sure": 0.005, "rejected": 0.0}
    lines = list(table({"circumstances": {"in a box": box, "two": {**box, "goal": None}}}))
    assert lines == [*HEAD, "| in a box | 95 | 98.5 | 0.5 | 0.0 |", "| two | – | 98.5 | 0.5 | 0.0 |"]
