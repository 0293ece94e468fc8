"""The card: a JSON record of how a network was trained and how well it classifies held-out images.

The artefact holds the card next to the weights, so that the metrics always belong to the weights.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeAlias, get_origin

from model.errors import CardError
from model.mlp import DIGITS

FORMAT_VERSION = 3

Confusion: TypeAlias = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Metrics:
    """The metrics of a network on a set of images; a card stores those of the held-out rows.

    Args:
        rows: Number of images.
        accuracy: Share of images classified correctly, in [0, 1].
        log_loss: Mean of -log of the probability of the true digit, in nats.
        calibration_error: Expected calibration error over 15 bins, in [0, 1].
        confusion: 10×10 counts of images: the row is the true digit, the column the predicted digit.
    Raises:
        CardError: The metrics contradict each other or are out of range.
    """

    rows: int
    accuracy: float
    log_loss: float
    calibration_error: float
    confusion: Confusion

    @property
    def correct(self) -> int:
        """Number of images classified correctly."""
        return sum(row[digit] for digit, row in enumerate(self.confusion))

    def __post_init__(self) -> None:
        _require(len(self.confusion) == DIGITS, "confusion must have 10 rows")
        _require(sum(map(sum, self.confusion)) == self.rows > 0, "confusion must add up to rows")
        _require(self.accuracy == self.correct / self.rows, "accuracy must follow from confusion")
        _require(0 <= self.log_loss < float("inf"), "log_loss must be finite and at least 0")
        _require(0 <= self.calibration_error <= 1, "calibration_error must be between 0 and 1")


@dataclass(frozen=True)
class Card:
    """The description of a network, stored next to its weights.

    Args:
        name: Name of the model in URLs and metrics.
        version: Release number of the weights: an integer as text.
        recipe: Name of the training recipe.
        hyperparameters: All hyper-parameters of the recipe, by name.
        seed: Seed of every random number that the training draws.
        split: Name of the data set, function that split it, share of the held-out rows, and random seed, by key.
        training_rows: Number of images in the training set.
        curve: Training curves by name, for example `loss`: lists with one value for each recorded epoch.
        held_out: Metrics on the held-out rows.
        environment: Environment variables of the training that decide how NumPy and BLAS compute, by name.
        libraries: Versions of Python and of the libraries used for the training.
        format_version: Version of the artefact's format.
    Raises:
        CardError: This code does not support the format version.
    """

    name: str
    version: str
    recipe: str
    hyperparameters: Mapping[str, Any]
    seed: int
    split: Mapping[str, Any]
    training_rows: int
    curve: Mapping[str, Any]
    held_out: Metrics
    environment: Mapping[str, str]
    libraries: Mapping[str, str]
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        _require(self.format_version == FORMAT_VERSION, f"format_version must be {FORMAT_VERSION}")


def dump_card(card: Card) -> str:
    """Serialise a card to JSON; equal cards give equal text.

    Args:
        card: The card.
    Returns:
        A JSON object with sorted keys.
    """
    return json.dumps(asdict(card), sort_keys=True, allow_nan=False)


def parse_card(text: str) -> Card:
    """Parse a card from JSON.

    Args:
        text: JSON text written by `dump_card`.
    Returns:
        The card that was serialised.
    Raises:
        CardError: The text is not JSON, a field is missing or unknown, or a value has the wrong
            type or contradicts another value.
    """
    try:
        document = json.loads(text)
        # Rejects NaN and infinity, which JSON does not have, and lone surrogates such as "\ud800", which cannot be
        # encoded as UTF-8, for example in an HTTP response.
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise CardError("is not JSON") from error
    values = _check_fields(Card, document, "card")
    held_out = _check_fields(Metrics, values["held_out"], "held_out")
    held_out["confusion"] = _parse_confusion(held_out["confusion"])
    return Card(**{**values, "held_out": Metrics(**held_out)})


def _check_fields(cls: type, document: object, location: str) -> dict[str, Any]:
    """Check the names and types of a JSON object's fields; check only the container type of nested values."""
    if not isinstance(document, dict):
        raise CardError(f"{location} must be an object")
    names = [field.name for field in fields(cls)]
    _require(sorted(document) == sorted(names), f"{location} must have exactly {', '.join(names)}")
    for field in fields(cls):
        container = list if get_origin(field.type) is tuple else dict
        expected = field.type if field.type in (str, int, float) else container
        _require(type(document[field.name]) is expected, f"{location}.{field.name} has the wrong type")
    return document


def _parse_confusion(rows: list[Any]) -> Confusion:
    """Check a confusion matrix from JSON and convert it to tuples."""
    for row in rows:
        _require(isinstance(row, list) and len(row) == DIGITS, "confusion must have 10 columns")
        _require(all(type(count) is int and count >= 0 for count in row), "confusion must hold counts")
    return tuple(map(tuple, rows))


def _require(condition: bool, message: str) -> None:
    """Raise a `CardError` unless the condition holds."""
    if not condition:
        raise CardError(message)
