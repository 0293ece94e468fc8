"""What the tests of the picture package share."""

import pytest

from model import PIXELS, convert_picture


@pytest.fixture(scope="session")
def classify_picture(artefact):
    """A function that predicts the digit in a picture: 0 to 255, shape (height, width) or (height, width, 3)."""

    def classify(picture):
        pixels = convert_picture(picture).reshape(1, PIXELS)
        return int(artefact.network.probabilities(pixels).argmax())

    return classify
