"""The card: what a network is, how it was made, and how well it reads digits it never saw.

It travels inside the artefact, so that weights and figures cannot part.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeAlias, get_origin

from model.errors import CardError
from model.mlp import DIGITS

FORMAT_VERSION = 2

Confusion: TypeAlias = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class HeldOutMetrics:
    """How well the network did on the rows that were held out.

    Args:
        rows: Number of held-out images.
        accuracy: Share read correctly, in [0, 1].
        log_loss: Mean of -log of the probability given to the true digit, in nats.
        calibration_error: Expected calibration error over 15 bins, in [0, 1].
        confusion: 10×10 counts; the row is the true digit, the column the one read.
    Raises:
        CardError: The figures contradict each other or are out of bounds.
    """

    rows: int
    accuracy: float
    log_loss: float
    calibration_error: float
    confusion: Confusion

    @property
    def correct(self) -> int:
        """Number of images read correctly."""
        return sum(row[digit] for digit, row in enumerate(self.confusion))

    def __post_init__(self) -> None:
        _require(len(self.confusion) == DIGITS, "confusion must have 10 rows")
        _require(sum(map(sum, self.confusion)) == self.rows > 0, "confusion must add up to rows")
        _require(self.accuracy == self.correct / self.rows, "accuracy must follow from confusion")
        _require(0 <= self.log_loss < float("inf"), "log_loss must be finite and at least 0")
        _require(0 <= self.calibration_error <= 1, "calibration_error must be between 0 and 1")


@dataclass(frozen=True)
class Card:
    """What an artefact says of its network.

    Args:
        name: The model's name in URLs and metrics.
        version: The release of the weights, a whole number as text.
        recipe: Name of the recipe that trained it.
        hyperparameters: Every choice of the recipe, by name.
        seed: Seed of all randomness of the training.
        split: How the rows were divided.
        training_rows: Number of images trained on.
        curve: How the training went: lists of equal length, by the name of their figure.
        held_out: How well it does on the others.
        libraries: Versions of Python and of the libraries that trained it.
        format_version: Version of the artefact's format.
    Raises:
        CardError: The format is not the one that this code reads.
    """

    name: str
    version: str
    recipe: str
    hyperparameters: Mapping[str, Any]
    seed: int
    split: Mapping[str, Any]
    training_rows: int
    curve: Mapping[str, Any]
    held_out: HeldOutMetrics
    libraries: Mapping[str, str]
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        _require(self.format_version == FORMAT_VERSION, f"format_version must be {FORMAT_VERSION}")


def dump_card(card: Card) -> str:
    """Write a card as JSON, the same card always as the same text.

    Args:
        card: Any card.
    Returns:
        A JSON object with sorted keys.
    """
    return json.dumps(asdict(card), sort_keys=True, allow_nan=False)


def parse_card(text: str) -> Card:
    """Read a card back from JSON.

    Args:
        text: What `dump_card` wrote.
    Returns:
        The same card.
    Raises:
        CardError: The text is not JSON, lacks a field or has one too many, or a value has the
            wrong type or contradicts another.
    """
    try:
        document = json.loads(text)
        json.dumps(document, ensure_ascii=False).encode()  # fails on half a character, which JSON can escape
    except (ValueError, RecursionError) as error:
        raise CardError("is not JSON") from error
    values = _typed(Card, document, "card")
    held_out = _typed(HeldOutMetrics, values["held_out"], "held_out")
    held_out["confusion"] = _counts(held_out["confusion"])
    return Card(**{**values, "held_out": HeldOutMetrics(**held_out)})


def _typed(cls: type, document: object, where: str) -> dict[str, Any]:
    """Check a JSON object against the fields of a dataclass, nested values by container only."""
    if not isinstance(document, dict):
        raise CardError(f"{where} must be an object")
    names = [field.name for field in fields(cls)]
    _require(sorted(document) == sorted(names), f"{where} must have exactly {', '.join(names)}")
    for field in fields(cls):
        scalar = field.type in (str, int, float)
        is_container = isinstance(document[field.name], list if get_origin(field.type) is tuple else dict)
        fits = type(document[field.name]) is field.type if scalar else is_container
        _require(fits, f"{where}.{field.name} has the wrong type")
    return document


def _counts(rows: list[Any]) -> Confusion:
    """Check a table of counts and make it immutable."""
    for row in rows:
        _require(isinstance(row, list) and len(row) == DIGITS, "confusion must have 10 columns")
        _require(all(type(count) is int and count >= 0 for count in row), "confusion must hold counts")
    return tuple(map(tuple, rows))


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise CardError(rule)
