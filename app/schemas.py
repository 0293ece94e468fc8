"""What travels: the JSON that is accepted, and the JSON that is answered.

An image travels flat, as 64 numbers, or as 8 rows of 8. Shape and type are checked here; the
bounds of a pixel are the model's to check (`model.validate_pixels`), for every way into the service.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from struct import Struct
from typing import Annotated, NotRequired, TypeAlias

import numpy as np
from fastapi.exceptions import RequestValidationError
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    Tag,
    WithJsonSchema,
)
from pydantic.config import JsonDict
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from app.reader import Readings
from model import DIGITS, IMAGE_SIDE, INK_MAX, INK_MIN, PIXELS, Floats32, PixelRangeError, validate_pixels

FLAT = f"{PIXELS} numbers"
ROWS = f"{IMAGE_SIDE} rows of {IMAGE_SIDE}"
LAYOUTS = (FLAT, ROWS)

FLOATS64 = Struct(f"{PIXELS}d")

EXAMPLE_IMAGE: list[JsonValue] = [
    *(0, 0, 7, 15, 13, 1, 0, 0),
    *(0, 8, 13, 6, 15, 4, 0, 0),
    *(0, 2, 1, 13, 13, 0, 0, 0),
    *(0, 0, 2, 15, 11, 1, 0, 0),
    *(0, 0, 0, 1, 12, 12, 1, 0),
    *(0, 0, 0, 0, 1, 10, 8, 0),
    *(0, 0, 8, 4, 5, 14, 9, 0),
    *(0, 0, 7, 13, 13, 9, 0, 0),
]
EXAMPLE_ROWS: list[JsonValue] = [
    EXAMPLE_IMAGE[start : start + IMAGE_SIDE] for start in range(0, PIXELS, IMAGE_SIDE)
]

Pixel: TypeAlias = Annotated[
    float, Field(strict=True, json_schema_extra={"minimum": INK_MIN, "maximum": INK_MAX})
]
# Lists fail fast: a body of 2 MiB can hold a million faults, and describing them all costs seconds.
FlatImage: TypeAlias = Annotated[
    list[Pixel], Field(min_length=PIXELS, max_length=PIXELS, fail_fast=True, title=FLAT)
]
ImageRow: TypeAlias = Annotated[
    list[Pixel], Field(min_length=IMAGE_SIDE, max_length=IMAGE_SIDE, fail_fast=True)
]
RowsImage: TypeAlias = Annotated[
    list[ImageRow], Field(min_length=IMAGE_SIDE, max_length=IMAGE_SIDE, fail_fast=True, title=ROWS)
]


def _as_alternatives(schema: JsonDict) -> None:
    """Say in OpenAPI that no image has both layouts."""
    schema["oneOf"] = schema.pop("anyOf")


# Tried in turn: a discriminator would make Python objects of every image first, which takes twice as long.
Image: TypeAlias = Annotated[
    Annotated[FlatImage, Tag(FLAT)] | Annotated[RowsImage, Tag(ROWS)],
    Field(union_mode="left_to_right", json_schema_extra=_as_alternatives),
]


def meant(faults: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Speak of the layout that was meant: an image that fits neither has a fault in each, and they follow.

    Args:
        faults: What pydantic found.
    Returns:
        Of two such the one in rows, if its first row is a list, or else the flat one; all others as they are.
    """
    kept: list[ErrorDetails] = []
    for fault in faults:
        place = fault["loc"]
        if ROWS not in place[1:]:  # a field of that name may stand first
            kept.append(fault)
            continue
        inside = place.index(ROWS, 1) + 1
        first_is_no_number = kept[-1]["loc"][inside:] == (0,)
        first_is_no_row = (fault["type"], place[inside:]) == ("list_type", (0,))
        if first_is_no_number and not first_is_no_row:
            kept[-1] = fault
    return kept


class PredictRequest(BaseModel):
    """One image."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"pixels": EXAMPLE_IMAGE}, {"pixels": EXAMPLE_ROWS}]},
    )

    pixels: Image = Field(
        validation_alias=AliasChoices("pixels", "image"),
        description="From the top left, row by row; 0 is paper, 16 is ink. "
        "`image` is accepted as another name of this field, but not both.",
    )


class BatchRequest(BaseModel):
    """Several images."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"images": [EXAMPLE_IMAGE, EXAMPLE_ROWS]}]}
    )

    images: list[Image] = Field(
        min_length=1,
        fail_fast=True,
        description="As `pixels` of /predict; at most DIGITS_MAX_BATCH_ROWS of them.",
    )


class Prediction(TypedDict):
    """What an image shows."""

    digit: Annotated[int, Field(ge=0, lt=DIGITS, description="The most probable digit.")]
    probabilities: Annotated[
        list[float],
        Field(min_length=DIGITS, max_length=DIGITS, description="One for each digit from 0; they sum to 1."),
    ]


SeenRow: TypeAlias = Annotated[
    list[Annotated[int, Field(ge=INK_MIN, le=INK_MAX)]], Field(min_length=IMAGE_SIDE, max_length=IMAGE_SIDE)
]


class PicturePrediction(Prediction):
    """What a picture shows."""

    pixels: Annotated[
        list[SeenRow],
        Field(
            min_length=IMAGE_SIDE,
            max_length=IMAGE_SIDE,
            description="The image that the network saw, 8 rows of 8; 0 is paper, 16 is ink.",
        ),
    ]


class BatchReply(TypedDict):
    """What several images show."""

    predictions: Annotated[list[Prediction], Field(description="In the order of the images.")]


class HealthReply(TypedDict):
    """How a process feels."""

    status: str


class FieldError(TypedDict):
    """One fault of a request."""

    loc: list[str | int]
    msg: str


# Spelled out, because OpenAPI cannot refer to a nested type from inside a `responses` entry.
_FIELD_ERRORS = WithJsonSchema(
    {
        "type": "array",
        "description": "For input that does not fit: each fault, the path to it and what must hold.",
        "items": {
            "type": "object",
            "required": ["loc", "msg"],
            "properties": {
                "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
                "msg": {"type": "string"},
            },
        },
    }
)


class ProblemReply(TypedDict):
    """A problem document, RFC 9457."""

    type: Annotated[str, Field(description="Identifies the kind of problem.")]
    title: Annotated[str, Field(description="The kind of problem in words.")]
    status: int
    detail: Annotated[str, Field(description="What is wrong with this request.")]
    errors: NotRequired[Annotated[list[FieldError], _FIELD_ERRORS]]


def to_predictions(readings: Readings) -> list[Prediction]:
    """Shape what was read for the wire.

    Args:
        readings: What B images show.
    Returns:
        B predictions, in order.
    """
    return [
        {"digit": digit, "probabilities": row}
        for digit, row in zip(readings.digits.tolist(), readings.probabilities.tolist(), strict=True)
    ]


def to_pixels(images: Sequence[Image], name: Callable[[int], tuple[str | int, ...]]) -> Floats32:
    """Bring images of either layout into the shape that the network takes.

    Args:
        images: B images that passed the schema.
        name: Says where an image stood in the body, for the error.
    Returns:
        Shape (B, 64), float32 in [0, 16].
    Raises:
        RequestValidationError: A pixel is out of bounds; it says which and what the bounds are.
    """
    flat = (chain.from_iterable(image) if isinstance(image[0], list) else image for image in images)
    packed = b"".join([FLOATS64.pack(*numbers) for numbers in flat])  # half of the time of np.array
    try:
        return validate_pixels(np.frombuffer(packed).reshape(-1, PIXELS))
    except PixelRangeError as error:
        nested = isinstance(images[error.row][0], list)
        place = divmod(error.pixel, IMAGE_SIDE) if nested else (error.pixel,)
        fault = {"type": "pixel_range", "loc": ("body", *name(error.row), *place), "msg": error.bound}
        raise RequestValidationError([fault]) from error
