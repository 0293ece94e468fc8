"""How well drawn digits are read, as files of every kind: `python -m benchmarks.pictures STROKES.npz`.

The strokes are real ones of a tablet. They are not in the repository, and nothing is trained on them; the
steps of `model/picture/normalise.py` and `model/picture/background.py` were tried on them, so the figures flatter those a little.
STROKES.npz holds `points` (N, 2), y down; `stroke_end`, indices into them; `digit_end`, indices into
those; and `label`.
"""

import argparse
import json
import os
import platform
from io import BytesIO
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from PIL import Image, ImageDraw

from app.picture import read_picture
from model import PIXELS, BlankPictureError, load_artefact

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "pictures.json"
SIDE = 280
SEED = 0
MAX_PIXELS = 2000 * 2000 * 3  # enough for the largest kind below, were it a WebP


def load_strokes(path):
    """The digits of a file, each a list of strokes, each an array of points; and their labels."""
    data = np.load(path)
    strokes = np.split(data["points"].astype(float), data["stroke_end"][:-1])
    ends = [0, *data["digit_end"].tolist()]
    digits = [strokes[start:end] for start, end in pairwise(ends)]
    return digits, data["label"]


def draw(strokes, side, *, height, pen, centre, finer=4):
    """Draw strokes, black on white; `height` and `centre` in points, `pen` a share of the height."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = height / max((high - low).max(), 1)
    width = pen * height * finer
    picture = Image.new("L", (side * finer, side * finer), 255)
    pencil = ImageDraw.Draw(picture)
    for stroke in strokes:
        places = [tuple(p) for p in ((stroke - (low + high) / 2) * scale + centre) * finer]
        pencil.line(places, fill=0, width=max(1, round(width)))
        for x, y in places:
            pencil.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=0)
    return picture.reduce(finer)


def draw_all(digits, rng):
    """Each digit somewhere in its picture, 140 to 230 points high, with a pen of 7 to 16 % of that."""
    for strokes in digits:
        height, pen = rng.uniform(140, 230), rng.uniform(0.07, 0.16)
        room = (SIDE - height * (1 + pen)) / 2
        centre = SIDE / 2 + rng.uniform(-room, room, 2)
        yield draw(strokes, SIDE, height=height, pen=pen, centre=centre)


def draw_small(digits, rng):
    """Each digit in the middle of 28×28, 20 points large, white on black, as MNIST has them."""
    for strokes in digits:
        pen = rng.uniform(0.09, 0.2)
        black = draw(strokes, 28, height=20 * (1 - pen), pen=pen, centre=14, finer=8)
        yield black.point(lambda value: 255 - value)


def shade(picture, rng):
    """Grey paper, darker to one side by half."""
    y, x = np.mgrid[-1 : 1 : picture.height * 1j, -1 : 1 : picture.width * 1j]
    turn = rng.uniform(0, 2 * np.pi)
    paper = 175 + 45 * (np.cos(turn) * x + np.sin(turn) * y)
    return Image.fromarray((paper * (0.25 + 0.75 * np.asarray(picture) / 255)).clip(0, 255).astype(np.uint8))


def clear(picture):
    """Black ink on nothing."""
    layered = Image.new("RGBA", picture.size)
    layered.putalpha(picture.point(lambda value: 255 - value))
    return layered


def move(picture, rng):
    """Somewhere in a picture of twice the size."""
    moved = Image.new("L", (2 * picture.width, 2 * picture.height), 255)
    moved.paste(picture, tuple(int(v) for v in rng.integers(0, picture.width, 2)))
    return moved


# What becomes of a clean picture, and how it is saved.
KINDS = {
    "clean PNG": (lambda p, _: p, {"format": "PNG"}),
    "JPEG, quality 70": (lambda p, _: p, {"format": "JPEG", "quality": 70}),
    "WebP": (lambda p, _: p, {"format": "WEBP"}),
    "palette": (lambda p, _: p.convert("P"), {"format": "PNG"}),
    "transparent": (lambda p, _: clear(p), {"format": "PNG"}),
    "inverted": (lambda p, _: p.point(lambda value: 255 - value), {"format": "PNG"}),
    "2000×2000": (lambda p, _: p.resize((2000, 2000)), {"format": "PNG", "compress_level": 1}),
    "off centre": (move, {"format": "PNG"}),
    "shaded grey paper": (shade, {"format": "PNG"}),
}


def read(network, picture, **options):
    """The digit that the service would answer to a picture saved so, or -1 for a refusal."""
    file = BytesIO()
    picture.save(file, **options)
    try:
        image = read_picture(file, MAX_PIXELS)
    except BlankPictureError:
        return -1
    return int(network.probabilities(image.reshape(1, PIXELS)).argmax())


def measure(path, every):
    """Read all digits as clean files and in 28×28, and each n-th as files of every kind."""
    network = load_artefact(ROOT / "model" / "digits.npz").network
    digits, labels = load_strokes(path)
    rng = np.random.default_rng(SEED)
    pictures = list(draw_all(digits, rng))
    clean = np.array([read(network, p, format="PNG") for p in pictures])
    small = np.array([read(network, p, format="PNG") for p in draw_small(digits, rng)])
    right = clean == labels
    confusion = np.zeros((10, 11), dtype=int)  # the last column is for refusals
    np.add.at(confusion, (labels, clean), 1)
    kinds = {}
    for name, (change, options) in KINDS.items():
        got = np.array([read(network, change(p, rng), **options) for p in pictures[::every]])
        kinds[name] = {
            "right": float((got == labels[::every]).mean()),
            "as_clean": float((got == clean[::every]).mean()),
        }
    return {
        "machine": f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}",
        "digits": len(labels),
        "right": float(right.mean()),
        "right_by_digit": [float(right[labels == digit].mean()) for digit in range(10)],
        "confusion": confusion.tolist(),
        "right_small": float((small == labels).mean()),
        "every": every,
        "kinds": kinds,
    }


def mistakes(result, most=5):
    """The commonest mistakes in words."""
    confusion = np.array(result["confusion"])
    np.fill_diagonal(confusion, 0)
    worst = np.argsort(-confusion, axis=None, kind="stable")[:most]
    pairs = (np.unravel_index(place, confusion.shape) for place in worst)
    named = ", ".join(f"a {true} as {read} {confusion[true, read]} times" for true, read in pairs)
    return f"Of the {confusion.sum()} mistakes the commonest are {named}."


def table(result):
    """The lines of the table that the docs quote."""
    yield f"| {result['digits'] // result['every']} digits as | right | as the clean PNG |"
    yield "|---|---:|---:|"
    for name, figures in result["kinds"].items():
        yield f"| {name} | {figures['right'] * 100:.1f} % | {figures['as_clean'] * 100:.1f} % |"


def main():
    """Measure, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("strokes", type=Path)
    parser.add_argument("--every", type=int, default=6, help="use each n-th digit for the kinds of files")
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
