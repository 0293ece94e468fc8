"""A body is parsed the quick way as it would be by the schema that chooses a layout first."""

import json
from typing import Annotated

import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError

from app.api.images import errors_of_meant_format
from app.api.schemas import EXAMPLE_IMAGE, FLAT, ROWS, BatchRequest, FlatImage, PredictRequest, RowsImage
from app.http.json_endpoint import MAX_ERRORS, count_values, parse_json
from model import PIXELS
from tests.app.api.test_predict import json_values

pixels = st.floats(0, 16) | st.integers(0, 16)
images = st.lists(pixels, min_size=PIXELS, max_size=PIXELS)
rows = st.lists(st.lists(pixels, min_size=8, max_size=8), min_size=8, max_size=8)
nearly = st.lists(st.lists(json_values, max_size=9) | pixels, max_size=9) | st.lists(
    st.just(0) | json_values, min_size=63, max_size=65
)
anything = images | rows | nearly | json_values
bodies = (
    st.dictionaries(st.sampled_from(["pixels", "image", "images", "x", FLAT, ROWS]), anything, max_size=3)
    | st.fixed_dictionaries({"pixels": anything})
    | st.fixed_dictionaries({"images": st.lists(anything, max_size=4)})
).map(lambda body: json.dumps(body).encode())


def layout(image):
    return ROWS if isinstance(image, list) and image and isinstance(image[0], list) else FLAT


TaggedImage = Annotated[Annotated[FlatImage, Tag(FLAT)] | Annotated[RowsImage, Tag(ROWS)], Discriminator(layout)]


class SlowPredictRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    pixels: TaggedImage = PredictRequest.model_fields["pixels"]


class SlowBatchRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    images: Annotated[list[TaggedImage], Field(min_length=1, fail_fast=True)]


def outcome(model, body):
    """What a body is parsed to, or its faults: place and kind of each."""
    try:
        return parse_json(TypeAdapter(model), body, 1000, errors_of_meant_format).model_dump()
    except RequestValidationError as error:
        return [(fault["loc"][1:], fault["type"], bounds(fault)) for fault in error.errors()]


def slow_outcome(model, body):
    """The same by pydantic alone."""
    try:
        return TypeAdapter(model).validate_json(body).model_dump()
    except ValidationError as error:
        faults = [(fault["loc"], fault["type"], bounds(fault)) for fault in error.errors()]
        return faults if len(faults) <= MAX_ERRORS else [((), "body", {})]


def bounds(fault):
    """What a fault says beyond its place, but for the name of a class."""
    return {name: value for name, value in fault.get("ctx", {}).items() if name != "class_name"}


@given(bodies | st.binary(max_size=100))
@pytest.mark.parametrize(("quick", "slow"), [(PredictRequest, SlowPredictRequest), (BatchRequest, SlowBatchRequest)])
def test_layouts_tried_in_turn_parse_and_refuse_as_a_choice_made_first(quick, slow, body):
    assert outcome(quick, body) == slow_outcome(slow, body)


@pytest.mark.parametrize("unknown", [18, 19, 20, 21])
@pytest.mark.parametrize("image", [[[]], EXAMPLE_IMAGE], ids=["bad", "good"])
def test_an_image_in_neither_layout_counts_once_among_the_faults(unknown, image):
    body = json.dumps({"pixels": image, **dict.fromkeys(map(str, range(unknown)))}).encode()
    faults = unknown + (image == [[]])
    assert outcome(PredictRequest, body) == slow_outcome(SlowPredictRequest, body)
    assert len(outcome(PredictRequest, body)) == (faults if faults <= MAX_ERRORS else 1)


@pytest.mark.parametrize(
    ("image", "place"),
    [
        ([[0] * 8, 5], (ROWS, 1)),
        ([[0] * 8] * 7, (ROWS,)),
        ([5, [0] * 8], (FLAT, 1)),
        ([None], (FLAT, 0)),
        ([], (FLAT,)),
    ],
)
def test_rows_are_meant_if_the_first_is_one(image, place):
    ((where, _, _),) = outcome(PredictRequest, json.dumps({"pixels": image}).encode())
    assert where == ("pixels", *place)


def test_a_body_may_hold_as_many_values_as_it_may_and_no_more():
    body = json.dumps({"images": [[0] * 8] * 20}).encode()
    values = count_values(body)
    for most, kind in ((values, "list_type"), (values - 1, "body")):
        with pytest.raises(RequestValidationError) as caught:
            parse_json(TypeAdapter(list), body, most, list)
        assert caught.value.errors()[0]["type"] == kind
