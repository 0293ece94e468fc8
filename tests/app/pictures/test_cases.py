"""Pictures of digits that were once misclassified or rejected: each of them is classified as the digit that it shows.

`tests/cases/expected.csv` gives the digit of each file.
"""

import csv

import pytest

from app.pictures.decode import image_from_file
from app.settings import Settings
from model import PIXELS
from tests.conftest import ROOT

FOLDER = ROOT / "tests" / "cases"
EXPECTED = {
    row["file"]: int(row["digit"]) for row in csv.DictReader((FOLDER / "expected.csv").read_text("utf-8").splitlines())
}


@pytest.mark.parametrize("name", EXPECTED)
def test_picture_is_classified_as_the_digit_that_it_shows(artefact, name):
    image = image_from_file((FOLDER / name).open("rb"), Settings().max_picture_pixels)
    assert artefact.network.probabilities(image.reshape(1, PIXELS)).argmax() == EXPECTED[name]


def test_every_picture_of_the_folder_has_an_expected_digit():
    assert EXPECTED.keys() == {path.name for path in FOLDER.iterdir()} - {"expected.csv"}
