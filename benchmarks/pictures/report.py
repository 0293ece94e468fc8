"""The text of `docs/pictures.md` about the result of the benchmark."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.pictures.measure import CONFIDENCE_BOUNDS

RESULT = Path(__file__).parents[1] / "results" / "pictures.json"


def table(result):
    """Yield the lines of the table that `docs/pictures.md` quotes."""
    yield f"| {-(-result['digits'] // result['every'])} digits as | right | as the clean PNG |"
    yield "|---|---:|---:|"
    for name, shares in result["kinds"].items():
        yield f"| {name} | {shares['right'] * 100:.1f} % | {shares['as_clean'] * 100:.1f} % |"


def calibration_table(result):
    """Yield the lines of the table that shows how far the probabilities can be trusted."""
    yield "| probability of the predicted digit | clean pictures | right | 28×28 | right |"
    yield "|---|---:|---:|---:|---:|"
    bands = zip(*(result["calibration"][name]["bands"] for name in ("clean", "small")), strict=True)
    for (low, high), cells in zip(pairwise(CONFIDENCE_BOUNDS), bands, strict=True):
        shares = " | ".join(f"{count} | {f'{right / count * 100:.1f} %' if count else '–'}" for count, right in cells)
        yield f"| {low * 100:g} to {high * 100:g} % | {shares} |"


def mistakes(result, count=4):
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
    descriptions = (f"a {label} as a {predicted} ({confusion[label, predicted]})" for label, predicted in pairs)
    return f"Of the {confusion.sum()} mistakes the most frequent are {', '.join(descriptions)}."
