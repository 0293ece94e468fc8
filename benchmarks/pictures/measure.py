"""Classifying the pictures as the service does, and counting the correct predictions."""

import platform
from io import BytesIO
from pathlib import Path

import numpy as np

from app.pictures.decode import image_from_file
from benchmarks.pictures.drawing import VARIANTS, draw_clean, draw_like_mnist, load_strokes
from model import DIGITS, PIXELS, BlankPictureError, load_artefact
from training.evaluate import calibration_error, log_loss

WEIGHTS = Path(__file__).parents[2] / "model" / "digits.npz"
SEED = 0
MAX_PIXELS = 2000 * 2000 * 3  # the limit of a WebP is a third, and the largest variant has 2000×2000
CONFIDENCE_BOUNDS = (0, 0.5, 0.8, 0.95, 0.99, 1)


def predict(network, picture, **save_options):
    """Save a picture as a file, and classify the file as the service does.

    Args:
        network: The network.
        picture: A PIL image of one digit, of any mode and size.
        save_options: The file's format and other options of `Image.save`.
    Returns:
        The probabilities of the ten digits, shape (10,), float32; all are 0 if the picture is rejected as blank.
    """
    file = BytesIO()
    picture.save(file, **save_options)
    file.seek(0)
    try:
        image = image_from_file(file, MAX_PIXELS)
    except BlankPictureError:
        return np.zeros(DIGITS, np.float32)
    return network.probabilities(image.reshape(1, PIXELS))[0]


def predicted_digits(probabilities):
    """Find the digit with the largest probability in each row, -1 for a picture that was rejected as blank."""
    return np.where(probabilities.any(axis=1), probabilities.argmax(axis=1), -1)


def measure(path, every):
    """Measure the accuracy on all digits as clean files and in MNIST's format, and on some in each variant.

    Args:
        path: The file of strokes.
        every: Of every so many digits, the first is measured in each variant; at least 1.
    Returns:
        The result, which `report.RESULT` holds.
    """
    artefact = load_artefact(WEIGHTS)
    network = artefact.network
    digits, labels = load_strokes(path)
    rng = np.random.default_rng(SEED)
    pictures = list(draw_clean(digits, rng))
    clean_probabilities = np.array([predict(network, p, format="PNG") for p in pictures])
    small_probabilities = np.array([predict(network, p, format="PNG") for p in draw_like_mnist(digits, rng)])
    clean, small = map(predicted_digits, (clean_probabilities, small_probabilities))
    is_correct, labels = clean == labels, labels.astype(np.int64)
    confusion = np.zeros((10, 11), dtype=int)  # the last column counts rejected pictures
    np.add.at(confusion, (labels, clean), 1)
    variants = {}
    for name, (transform, save_options) in VARIANTS.items():
        sample = pictures[::every]
        predicted = predicted_digits(np.array([predict(network, transform(p, rng), **save_options) for p in sample]))
        variants[name] = {
            "right": float((predicted == labels[::every]).mean()),
            "as_clean": float((predicted == clean[::every]).mean()),
        }
    return {
        "machine": f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}",
        "weights": artefact.sha256,
        "digits": len(labels),
        "right": float(is_correct.mean()),
        "right_by_digit": [float(is_correct[labels == digit].mean()) for digit in range(10)],
        "confusion": confusion.tolist(),
        "right_small": float((small == labels).mean()),
        "calibration": {
            "clean": measure_calibration(labels, clean_probabilities),
            "small": measure_calibration(labels, small_probabilities),
        },
        "every": every,
        "kinds": variants,
    }


def measure_calibration(labels, probabilities):
    """Measure how far probabilities can be trusted, without the rejected pictures.

    Args:
        labels: True digits, shape (N,).
        probabilities: Predicted probabilities, shape (N, 10).
    Returns:
        The log-loss in nats, the calibration error, and the result of `confidence_bands`.
    """
    is_accepted = probabilities.any(axis=1)
    accepted = labels[is_accepted], probabilities[is_accepted]
    return {
        "log_loss": log_loss(*accepted),
        "calibration_error": calibration_error(*accepted),
        "bands": confidence_bands(*accepted),
    }


def confidence_bands(labels, probabilities):
    """Count the pictures, and those classified correctly, by the probability of the predicted digit.

    Args:
        labels: True digits, shape (N,).
        probabilities: Predicted probabilities, shape (N, 10).
    Returns:
        For each pair of neighbouring bounds, the number of pictures and the number of correct predictions. A picture on
        a bound counts in the upper band.
    """
    band = np.digitize(probabilities.max(axis=1), CONFIDENCE_BOUNDS[1:-1])
    is_correct = probabilities.argmax(axis=1) == labels
    return [[int((band == i).sum()), int(is_correct[band == i].sum())] for i in range(len(CONFIDENCE_BOUNDS) - 1)]
