"""Classifying the pictures as the service does, and counting the correct answers."""

from io import BytesIO

import numpy as np

from app.pictures.decode import image_from_file
from benchmarks.photos import drawings
from benchmarks.photos.circumstances import CIRCUMSTANCES
from benchmarks.photos.sheet import handwrite
from benchmarks.pictures.measure import WEIGHTS
from model import DIGITS, PIXELS, PictureError, SeveralDigitsError, load_artefact

MAX_PIXELS = 2_000_000
SURE = 0.9  # a wrong prediction with a higher probability is worse than another


def answer(network, data):
    """Classify a file as the service does; returns the digit and its probability, or the error's name and 0."""
    try:
        image = image_from_file(BytesIO(data), MAX_PIXELS)
    except PictureError as error:
        return type(error).__name__, 0.0
    (probabilities,) = network.probabilities(image.reshape(1, PIXELS))
    return int(probabilities.argmax()), float(probabilities.max())


def recognised_strokes(network, digit, rng):
    """Write a digit that is classified correctly in three clean drawings, so that mistakes are due to circumstances."""
    while True:
        strokes = handwrite(digit, rng)
        clean = (drawings.save_black(drawings.drawn(strokes, rng)) for _ in range(3))
        if all(answer(network, file)[0] == digit for file in clean):
            return strokes


def measure(name, count, seed):
    """Measure one circumstance.

    Args:
        name: A key of `CIRCUMSTANCES`.
        count: Number of digits, 0 to 9 in turn.
        seed: Seed of the digits and of everything else.
    Returns:
        The goal; and the shares of correct answers, of wrong predictions with a probability above `SURE`, and of
        pictures that are rejected.
    """
    network = load_artefact(WEIGHTS).network
    circumstance = CIRCUMSTANCES[name]
    right = sure = rejected = 0
    for index in range(count):
        rng = np.random.default_rng((seed, *name.encode(), index))
        label = index % DIGITS
        strokes = recognised_strokes(network, label, rng)
        given, probability = answer(network, circumstance.make(strokes, rng))
        expected = SeveralDigitsError.__name__ if circumstance.has_several_digits else label
        right += given == expected
        sure += given != expected and probability > SURE
        rejected += isinstance(given, str)
    return {"goal": circumstance.goal, "right": right / count, "sure": sure / count, "rejected": rejected / count}
