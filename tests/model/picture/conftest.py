"""What the tests of the picture package share."""

import pytest

from model import PIXELS, normalise_digit, subtract_background


@pytest.fixture(scope="session")
def classify_picture(artefact):
    """A function that predicts the digit in a picture: brightness 0 to 255, shape (height, width)."""

    def classify(brightness):
        pixels = normalise_digit(subtract_background(brightness)).reshape(1, PIXELS)
        return int(artefact.network.probabilities(pixels).argmax())

    return classify
