"""The benchmark of pictures draws recorded strokes and counts the correct predictions."""

import numpy as np
import pytest

from benchmarks.pictures.drawing import VARIANTS
from benchmarks.pictures.measure import CONFIDENCE_BOUNDS, confidence_bands, measure
from benchmarks.pictures.report import calibration_table, mistakes, table
from tests.drawing import STROKES


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """The result for a file of twenty recorded digits, the first of them with a wrong label."""
    digits = [*range(10), *range(10)]
    strokes = [np.array(stroke) * 500 for digit in digits for stroke in STROKES[digit]]
    file = tmp_path_factory.mktemp("strokes") / "strokes.npz"
    np.savez(
        file,
        points=np.concatenate(strokes).astype(np.int16),
        stroke_end=np.cumsum([len(stroke) for stroke in strokes]),
        digit_end=np.cumsum([len(STROKES[digit]) for digit in digits]),
        label=np.array([3, *digits[1:]], np.int8),
    )
    return measure(file, every=5)


def test_all_digits_are_classified_correctly_except_for_the_wrong_label(result):
    assert result["digits"] == 20
    assert result["right"] == result["right_small"] == 0.95
    assert result["confusion"][3][0] == 1
    assert mistakes(result, count=1) == "Of the 1 mistakes the most frequent are a 3 as a 0 (1)."


def test_every_kind_of_file_gives_the_prediction_of_the_clean_picture(result):
    assert list(result["kinds"]) == list(VARIANTS)
    for kind in result["kinds"].values():
        assert kind == {"right": 0.75, "as_clean": 1}
    assert list(table(result))[2] == "| clean PNG | 75.0 % | 100.0 % |"


def test_the_bands_of_confidence_count_every_picture_once(result):
    for calibration in result["calibration"].values():
        assert np.sum(calibration["bands"], axis=0).tolist() == [20, 19]
    assert len(list(calibration_table(result))) == 2 + len(CONFIDENCE_BOUNDS) - 1


def test_a_picture_is_counted_in_the_band_of_its_largest_probability():
    probabilities = np.array([[0.6, 0.4], [0.3, 0.7], [0.0, 1.0]])
    assert confidence_bands(np.array([0, 0, 1]), probabilities) == [[0, 0], [2, 1], [0, 0], [0, 0], [1, 1]]
