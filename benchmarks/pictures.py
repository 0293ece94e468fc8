"""Benchmark of pictures: how many drawn digits are classified correctly, for each kind of picture file.

Run it as `python -m benchmarks.pictures STROKES.npz`. The strokes are real ones, recorded by a tablet. They
are not in the repository, and nothing is trained on them. However, the steps of
`model/picture/normalise.py` and `model/picture/background.py` were tuned on them, so the measured accuracies
are slightly too high.

STROKES.npz holds four arrays:
    points: All points of all strokes, shape (N, 2); y grows downwards.
    stroke_end: For each stroke, the index in `points` after its last point.
    digit_end: For each digit, the index in `stroke_end` after its last stroke.
    label: The digit that was written, 0 to 9, for each digit.
"""

import argparse
import json
import os
import platform
from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from PIL import Image, ImageDraw

from app.pictures.decode import image_from_file
from model import PIXELS, BlankPictureError, load_artefact

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "pictures.json"
SIDE = 280  # of a clean picture, in pixels
SEED = 0
MAX_PIXELS = 2000 * 2000 * 3  # the limit of a WebP is a third, and the largest variant has 2000×2000


def load_strokes(path):
    """Load the digits of a file.

    Args:
        path: The .npz file; the module docstring describes its arrays.
    Returns:
        A list of digits and an array of their labels. Each digit is a list of strokes, and each stroke is an
        array of points, shape (n, 2).
    """
    data = np.load(path)
    strokes = np.split(data["points"].astype(float), data["stroke_end"][:-1])
    digit_ends = [0, *data["digit_end"].tolist()]
    digits = [strokes[start:end] for start, end in pairwise(digit_ends)]
    return digits, data["label"]


def draw(strokes, side, *, longer_side, pen, centre, oversampling=4):
    """Draw the strokes of one digit in black on white.

    Args:
        strokes: Arrays of points, each of shape (n, 2).
        side: Width and height of the picture, in pixels.
        longer_side: Length of the longer side of the digit, in pixels.
        pen: Width of the pen, as a share of `longer_side`.
        centre: Centre of the digit, in pixels: x and y, or one number for both.
        oversampling: The digit is drawn larger by this factor and then reduced, which softens its edges.
    Returns:
        A greyscale picture.
    """
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = longer_side / max((high - low).max(), 1)
    width = pen * longer_side * oversampling
    picture = Image.new("L", (side * oversampling, side * oversampling), 255)
    drawing = ImageDraw.Draw(picture)
    for stroke in strokes:
        vertices = [tuple(p) for p in ((stroke - (low + high) / 2) * scale + centre) * oversampling]
        drawing.line(vertices, fill=0, width=max(1, round(width)))
        for x, y in vertices:
            drawing.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=0)
    return picture.reduce(oversampling)


def draw_clean(digits, rng):
    """Draw each digit at a random position, 140 to 230 pixels long, with a pen of 7 to 16 % of that."""
    for strokes in digits:
        longer_side, pen = rng.uniform(140, 230), rng.uniform(0.07, 0.16)
        max_offset = (SIDE - longer_side * (1 + pen)) / 2
        centre = SIDE / 2 + rng.uniform(-max_offset, max_offset, 2)
        yield draw(strokes, SIDE, longer_side=longer_side, pen=pen, centre=centre)


def draw_like_mnist(digits, rng):
    """Draw each digit in the format of MNIST: 28×28 pixels, white on black, centred, 20 pixels large."""
    for strokes in digits:
        pen = rng.uniform(0.09, 0.2)
        black_on_white = draw(strokes, 28, longer_side=20 * (1 - pen), pen=pen, centre=14, oversampling=8)
        yield invert(black_on_white)


def invert(picture):
    """Exchange black and white."""
    return picture.point(lambda value: 255 - value)


def shade(picture, rng):
    """Replace the white background by grey with a linear gradient of brightness in a random direction."""
    y, x = np.mgrid[-1 : 1 : picture.height * 1j, -1 : 1 : picture.width * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    background = 175 + 45 * (np.cos(angle) * x + np.sin(angle) * y)
    shaded = background * (0.25 + 0.75 * np.asarray(picture) / 255)
    return Image.fromarray(shaded.clip(0, 255).astype(np.uint8))


def make_transparent(picture):
    """Draw the same strokes in black on a transparent background."""
    transparent = Image.new("RGBA", picture.size)
    transparent.putalpha(invert(picture))
    return transparent


def move(picture, rng):
    """Paste the picture at a random position into a white picture of twice the width and height."""
    moved = Image.new("L", (2 * picture.width, 2 * picture.height), 255)
    x, y = rng.integers(0, picture.width, 2).tolist()
    moved.paste(picture, (x, y))
    return moved


# Name of a variant → function that makes it from a clean picture, and options with which it is saved.
VARIANTS: dict[str, tuple[Callable[[Image.Image, np.random.Generator], Image.Image], dict[str, str | int]]] = {
    "clean PNG": (lambda p, _: p, {"format": "PNG"}),
    "JPEG, quality 70": (lambda p, _: p, {"format": "JPEG", "quality": 70}),
    "WebP": (lambda p, _: p, {"format": "WEBP"}),
    "palette": (lambda p, _: p.convert("P"), {"format": "PNG"}),
    "transparent": (lambda p, _: make_transparent(p), {"format": "PNG"}),
    "inverted": (lambda p, _: invert(p), {"format": "PNG"}),
    "2000×2000": (lambda p, _: p.resize((2000, 2000)), {"format": "PNG", "compress_level": 1}),
    "off centre": (move, {"format": "PNG"}),
    "shaded grey sheet": (shade, {"format": "PNG"}),
}


def predict_digit(network, picture, **save_options):
    """Save a picture as a file, and predict its digit from the file as the service does.

    Args:
        network: The network.
        picture: A PIL image of one digit, of any mode and size.
        save_options: The file's format and other options of `Image.save`.
    Returns:
        The predicted digit, or -1 if the picture is rejected as blank.
    """
    file = BytesIO()
    picture.save(file, **save_options)
    try:
        image = image_from_file(file, MAX_PIXELS)
    except BlankPictureError:
        return -1
    return int(network.probabilities(image.reshape(1, PIXELS)).argmax())


def measure(path, every):
    """Measure the accuracy on all digits as clean files and in MNIST's format, and on some in each variant.

    Args:
        path: The file of strokes.
        every: Each n-th digit is measured in each variant.
    Returns:
        The result, which is written to `RESULT`.
    """
    network = load_artefact(ROOT / "model" / "digits.npz").network
    digits, labels = load_strokes(path)
    rng = np.random.default_rng(SEED)
    pictures = list(draw_clean(digits, rng))
    clean = np.array([predict_digit(network, p, format="PNG") for p in pictures])
    small = np.array([predict_digit(network, p, format="PNG") for p in draw_like_mnist(digits, rng)])
    is_correct = clean == labels
    confusion = np.zeros((10, 11), dtype=int)  # the last column counts rejected pictures
    np.add.at(confusion, (labels, clean), 1)
    variants = {}
    for name, (transform, save_options) in VARIANTS.items():
        sample = pictures[::every]
        predicted = np.array([predict_digit(network, transform(p, rng), **save_options) for p in sample])
        variants[name] = {
            "right": float((predicted == labels[::every]).mean()),
            "as_clean": float((predicted == clean[::every]).mean()),
        }
    return {
        "machine": f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}",
        "digits": len(labels),
        "right": float(is_correct.mean()),
        "right_by_digit": [float(is_correct[labels == digit].mean()) for digit in range(10)],
        "confusion": confusion.tolist(),
        "right_small": float((small == labels).mean()),
        "every": every,
        "kinds": variants,
    }


def mistakes(result, count=5):
    """Write a sentence that names the most frequent misclassifications.

    Args:
        result: The return value of `measure`.
        count: The number of misclassifications to name.
    Returns:
        The sentence, which `docs/pictures.md` quotes.
    """
    confusion = np.array(result["confusion"])
    np.fill_diagonal(confusion, 0)
    most_frequent = np.argsort(-confusion, axis=None, kind="stable")[:count]
    pairs = (np.unravel_index(flat_index, confusion.shape) for flat_index in most_frequent)
    descriptions = (f"a {label} as {predicted} {confusion[label, predicted]} times" for label, predicted in pairs)
    return f"Of the {confusion.sum()} mistakes the most frequent are {', '.join(descriptions)}."


def table(result):
    """Yield the lines of the table that `docs/pictures.md` quotes."""
    yield f"| {result['digits'] // result['every']} digits as | right | as the clean PNG |"
    yield "|---|---:|---:|"
    for name, shares in result["kinds"].items():
        yield f"| {name} | {shares['right'] * 100:.1f} % | {shares['as_clean'] * 100:.1f} % |"


def main():
    """Measure, write the result to `RESULT`, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("strokes", type=Path, help="file of recorded strokes, .npz")
    parser.add_argument(
        "--every", type=int, default=6, help="measure each n-th digit in each kind of file; default: %(default)s"
    )
    options = parser.parse_args()
    result = measure(options.strokes, options.every)
    RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(f"{result['digits']} digits as clean PNG: {result['right'] * 100:.2f} % right")
    print("by digit:", *(f"{share * 100:.1f}" for share in result["right_by_digit"]))
    print(mistakes(result))
    print(f"in 28×28, white on black: {result['right_small'] * 100:.2f} % right\n")
    print("\n".join(table(result)))


if __name__ == "__main__":
    main()
