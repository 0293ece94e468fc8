"""Images on the wire: the two formats, the valid pixels, and the locations in the errors.

The service tries the two formats in turn. The slow schemas here choose the format of an image first and then
validate it, with pydantic alone. Both must accept and reject the same bodies, with the same errors.
"""

import json
from typing import Annotated

import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError

from app.api.images import select_errors_of_meant_format
from app.api.schemas import (
    EXAMPLE_IMAGE,
    EXAMPLE_ROWS,
    FLAT,
    ROWS,
    BatchRequest,
    FlatImage,
    ImageInRows,
    PredictRequest,
)
from app.http.json_body import BYTE_ORDER_MARK, MAX_ERRORS, parse_json
from app.settings import Settings
from tests.problems import read_problem
from tests.strategies import prediction_bodies


def choose_format(image):
    """Return the format that the client meant: rows if the first element is a list."""
    return ROWS if isinstance(image, list) and image and isinstance(image[0], list) else FLAT


TaggedImage = Annotated[
    Annotated[FlatImage, Tag(FLAT)] | Annotated[ImageInRows, Tag(ROWS)], Discriminator(choose_format)
]


class SlowPredictRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    pixels: TaggedImage = Field(validation_alias=PredictRequest.model_fields["pixels"].validation_alias)


class SlowBatchRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    images: Annotated[list[TaggedImage], Field(min_length=1, fail_fast=True)]


def parse(model, body):
    """Parse a body as the service does; return the parsed fields, or location, type and limits of each error."""
    try:
        return parse_json(TypeAdapter(model), body, Settings(), select_errors_of_meant_format).model_dump()
    except RequestValidationError as error:
        return [(detail["loc"][1:], detail["type"], error_limits(detail)) for detail in error.errors()]


def parse_with_pydantic(model, body):
    """Parse a body with pydantic alone, without its byte order mark; return the same as `parse`."""
    try:
        return TypeAdapter(model).validate_json(body.removeprefix(BYTE_ORDER_MARK)).model_dump()
    except ValidationError as error:
        errors = [(detail["loc"], detail["type"], error_limits(detail)) for detail in error.errors()]
        return errors if len(errors) <= MAX_ERRORS else [((), "body", {})]


def error_limits(detail):
    """Return the context of a pydantic error, for example the largest length, without the name of the class."""
    return {name: value for name, value in detail.get("ctx", {}).items() if name != "class_name"}


@given(prediction_bodies | st.binary(max_size=100))
@example(BYTE_ORDER_MARK)
@pytest.mark.parametrize(
    ("model", "slow_model"), [(PredictRequest, SlowPredictRequest), (BatchRequest, SlowBatchRequest)]
)
@pytest.mark.slow
def test_trying_the_formats_in_turn_gives_the_same_result_as_choosing_one_first(model, slow_model, body):
    assert parse(model, body) == parse_with_pydantic(slow_model, body)


@pytest.mark.parametrize("unknown_fields", [18, 19, 20, 21])
@pytest.mark.parametrize("image", [[[]], EXAMPLE_IMAGE], ids=["invalid image", "valid image"])
def test_image_that_fits_neither_format_counts_as_one_error(unknown_fields, image):
    body = json.dumps({"pixels": image, **dict.fromkeys(map(str, range(unknown_fields)))}).encode()
    error_count = unknown_fields + (image == [[]])
    assert parse(PredictRequest, body) == parse_with_pydantic(SlowPredictRequest, body)
    assert len(parse(PredictRequest, body)) == (error_count if error_count <= MAX_ERRORS else 1)


@pytest.mark.parametrize(
    ("image", "expected_location"),
    [
        ([[0] * 8, 5], (ROWS, 1)),
        ([[0] * 8] * 7, (ROWS,)),
        ([5, [0] * 8], (FLAT, 1)),
        ([None], (FLAT, 0)),
        ([], (FLAT,)),
    ],
)
def test_error_is_that_of_the_rows_format_if_the_first_element_is_a_list(image, expected_location):
    ((location, _, _),) = parse(PredictRequest, json.dumps({"pixels": image}).encode())
    assert location == ("pixels", *expected_location)


def test_unknown_field_may_have_the_name_of_an_image_format(client):
    problem = read_problem(client.post("/predict", json={"pixels": EXAMPLE_IMAGE, "64 numbers": 1}))
    assert problem["detail"].startswith("64 numbers is not a known field")


def predict_body(pixel_index, json_text):
    """Build the JSON of a prediction request for the example image, with one pixel replaced by a JSON text."""
    pixels = [json.dumps(pixel) for pixel in EXAMPLE_IMAGE]
    pixels[pixel_index] = json_text
    return f'{{"pixels": [{", ".join(pixels)}]}}'


@pytest.mark.parametrize(
    "json_text", ["16.0000001", "-0.0000001", "17", "1e999", "-1e999", "NaN", "Infinity", "1" + "0" * 400]
)
def test_pixel_out_of_range_is_rejected_with_its_location_and_the_range(client, json_text):
    problem = read_problem(client.post("/predict", content=predict_body(3, json_text)))
    assert problem["detail"].startswith("pixels[3] must be ")
    assert json_text not in problem["detail"]


def test_pixel_out_of_range_in_rows_is_located_by_row_and_column(client):
    rows = [[*row] for row in EXAMPLE_ROWS]
    rows[2][5] = 99
    problem = read_problem(client.post("/predict", json={"pixels": rows}))
    assert problem["detail"] == "pixels[2][5] must be between 0 and 16"


@pytest.mark.parametrize("json_text", ['"1"', "true", "false", "null", "[]", "{}"])
def test_pixel_that_is_not_a_number_is_rejected(client, json_text):
    problem = read_problem(client.post("/predict", content=predict_body(3, json_text)))
    assert problem["detail"] == "pixels[3] must be a number"
    assert problem["errors"] == [{"loc": ["body", "pixels", 3], "msg": "must be a number"}]


def test_pixel_with_5000_digits_is_rejected(client):
    read_problem(client.post("/predict", content=predict_body(0, "9" * 5000)))
