"""Wire types of the endpoints outside `/v2`: the JSON that they accept and the JSON that they return.

An image is the 8×8 input of the network, and a picture is a file that a client uploads. An image has one of two
formats: 64 numbers in a flat list, or 8 rows of 8. The types check the shape and the type of the numbers. The model
checks the range of a pixel (`model.validate_pixels`), because images reach the service in several ways.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue, Tag, WithJsonSchema
from pydantic.config import JsonDict

# `typing` has `TypeAliasType` from Python 3.12 on. Before 3.12, pydantic needs this `TypedDict`.
from typing_extensions import TypeAliasType, TypedDict

from model import DIGITS, IMAGE_SIDE, INK_MAX, INK_MIN, PIXELS

EXAMPLE_IMAGE = [
    *(0, 0, 7, 15, 13, 1, 0, 0),
    *(0, 8, 13, 6, 15, 4, 0, 0),
    *(0, 2, 1, 13, 13, 0, 0, 0),
    *(0, 0, 2, 15, 11, 1, 0, 0),
    *(0, 0, 0, 1, 12, 12, 1, 0),
    *(0, 0, 0, 0, 1, 10, 8, 0),
    *(0, 0, 8, 4, 5, 14, 9, 0),
    *(0, 0, 7, 13, 13, 9, 0, 0),
]
EXAMPLE_ROWS = [EXAMPLE_IMAGE[start : start + IMAGE_SIDE] for start in range(0, PIXELS, IMAGE_SIDE)]
_FLAT_JSON: JsonValue = [*EXAMPLE_IMAGE]
_ROWS_JSON: JsonValue = [[*row] for row in EXAMPLE_ROWS]

Pixel: TypeAlias = Annotated[float, Field(strict=True, json_schema_extra={"minimum": INK_MIN, "maximum": INK_MAX})]
# Lists fail fast, because a body of 2 MiB can hold a million errors, and describing all of them takes
# seconds.
_FLAT = Field(
    min_length=PIXELS, max_length=PIXELS, fail_fast=True, description="The pixels, row by row from the top left."
)
_ROW = Field(min_length=IMAGE_SIDE, max_length=IMAGE_SIDE, fail_fast=True)
_ROWS = Field(min_length=IMAGE_SIDE, max_length=IMAGE_SIDE, fail_fast=True, description="The rows, from the top.")
# A `TypeAliasType` gets a schema of its own name in OpenAPI.
FlatImage = TypeAliasType("FlatImage", Annotated[list[Pixel], _FLAT])
ImageInRows = TypeAliasType("ImageInRows", Annotated[list[Annotated[list[Pixel], _ROW]], _ROWS])
# Names of the image formats: the tags of pydantic's union, and the schemas in OpenAPI.
FLAT, ROWS = IMAGE_FORMATS = (FlatImage.__name__, ImageInRows.__name__)


def _as_alternatives(schema: JsonDict) -> None:
    """State in OpenAPI that an image has exactly one of the two formats."""
    schema["oneOf"] = schema.pop("anyOf")


# The formats are tried in turn. A discriminator would first convert every image to Python objects, which
# takes twice as long.
_FORMATS = Field(
    union_mode="left_to_right",
    json_schema_extra=_as_alternatives,
    description="An image in one of two formats; 0 is background, 16 is full ink.",
)
Image = TypeAliasType("Image", Annotated[Annotated[FlatImage, Tag(FLAT)] | Annotated[ImageInRows, Tag(ROWS)], _FORMATS])


class PredictRequest(BaseModel):
    """One image."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"pixels": _FLAT_JSON}, {"pixels": _ROWS_JSON}]}
    )

    pixels: Image = Field(
        validation_alias=AliasChoices("pixels", "image"),
        description="The image; `image` is accepted as another name of this field, but not both.",
    )


class BatchRequest(BaseModel):
    """Several images."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"images": [_FLAT_JSON, _ROWS_JSON]}]})

    images: list[Image] = Field(
        min_length=1, fail_fast=True, description="The images, each in one of the two formats; by default at most 1024."
    )


class Prediction(TypedDict):
    """The prediction for one image."""

    digit: Annotated[int, Field(ge=0, lt=DIGITS, description="The most probable digit.")]
    probabilities: Annotated[
        list[float],
        Field(
            min_length=DIGITS, max_length=DIGITS, description="Probabilities of the digits from 0 to 9; they sum to 1."
        ),
    ]


class PictureForm(TypedDict):
    """A form with a picture."""

    file: Annotated[bytes, WithJsonSchema({"type": "string", "format": "binary"}), Field(description="The picture.")]


ReplyRow: TypeAlias = Annotated[
    list[Annotated[int, Field(ge=INK_MIN, le=INK_MAX)]], Field(min_length=IMAGE_SIDE, max_length=IMAGE_SIDE)
]


class PicturePrediction(Prediction):
    """The prediction for a picture, with the image that the network saw."""

    pixels: Annotated[
        list[ReplyRow],
        Field(
            min_length=IMAGE_SIDE,
            max_length=IMAGE_SIDE,
            description="The normalised image, the input of the network: 8 rows of 8 pixels from 0 to 16.",
        ),
    ]


class BatchReply(TypedDict):
    """The predictions for several images."""

    predictions: Annotated[list[Prediction], Field(description="Predictions in the order of the images.")]


class HealthReply(TypedDict):
    """The state of a process."""

    status: Literal["live", "ready"]
