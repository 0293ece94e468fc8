"""JSON bodies: the limits on their values and errors, and the rejection of bytes that are not JSON."""

import json

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter

from app.api.schemas import EXAMPLE_IMAGE
from app.http.json_body import BYTE_ORDER_MARK, count_values, parse_json
from app.settings import Settings
from tests.json_endpoints import VALID_BODIES
from tests.problems import read_problem


def test_parse_json_rejects_a_body_with_more_values_than_the_limit():
    settings = Settings(max_batch_rows=2)
    for values, error_type in ((settings.max_json_values, "dict_type"), (settings.max_json_values + 1, "body")):
        body = json.dumps([0] * values).encode()
        assert count_values(body) == values
        with pytest.raises(RequestValidationError) as caught:
            parse_json(TypeAdapter(dict), body, settings, list)
        assert caught.value.errors()[0]["type"] == error_type


@pytest.mark.parametrize("repeated", [b"[" * 100_000, b"[],", b"{},", b"0,", b'"",', b'{"":0},'])
@pytest.mark.parametrize("start", [b'{"pixels": [', b'{"image": "", "x": ['])
def test_body_with_more_values_than_the_largest_batch_is_rejected(client, repeated, start):
    content = start + repeated * (1_000_000 // len(repeated)) + b"0]}"
    detail = "the body must not hold more values than 1024 images have"
    assert read_problem(client.post("/predict", content=content))["detail"] == detail


@pytest.mark.parametrize("extra_images", [1, 10, 1000, 3000])
@pytest.mark.parametrize("image", [[0] * 64, [[0] * 8] * 8], ids=["flat", "rows"])
def test_batch_with_too_many_images_gets_an_error_that_names_the_largest_number_of_images(client, image, extra_images):
    content = json.dumps({"images": [image] * (1024 + extra_images)}, separators=(",", ":"))
    detail = read_problem(client.post("/predict/batch", content=content))["detail"]
    assert detail in {
        "images must have a length of at most 1024",
        "the body must not hold more values than 1024 images have",
    }


def test_largest_batch_does_not_exceed_the_limit_on_values(make_client):
    client = make_client(max_batch_rows=10_000)
    content = b'{"images":[' + b",".join([str([[0] * 8] * 8).replace(" ", "").encode()] * 10_000) + b"]}"
    assert client.post("/predict/batch", content=content).status_code == 200


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"pixels": [0,}', b"\xff\xfe", b"[" * 900, b'{"pixels": ' + b"[" * 900, b'{"a": "\xc3"}']
)
def test_body_that_is_not_json_gets_a_422(client, content):
    assert "the body is not valid JSON" in read_problem(client.post("/predict", content=content))["detail"]


@pytest.mark.parametrize("images", [[1] * 1_000_000, [[]] * 500_000, [[""] * 64] * 7_000], ids=["1", "[]", "''"])
def test_only_the_first_error_in_a_list_of_invalid_values_is_reported(client, images):
    content = json.dumps({"images": images}, separators=(",", ":"))
    assert len(read_problem(client.post("/predict/batch", content=content))["errors"]) == 1


def test_body_with_too_many_unknown_fields_is_rejected_without_a_list_of_them(client):
    body = {"pixels": EXAMPLE_IMAGE, **dict.fromkeys(map(str, range(50)))}
    problem = read_problem(client.post("/predict", json=body))
    assert problem["detail"] == "the body must not have more than 20 errors"


@pytest.mark.parametrize("path", VALID_BODIES)
def test_byte_order_mark_before_the_json_is_ignored(client, path):
    plain = client.post(path, content=VALID_BODIES[path])
    assert plain.status_code == 200
    assert client.post(path, content=BYTE_ORDER_MARK + VALID_BODIES[path]).json() == plain.json()


@pytest.mark.parametrize("content", [BYTE_ORDER_MARK, BYTE_ORDER_MARK * 2 + b"{}", b"{" + BYTE_ORDER_MARK + b"}"])
def test_byte_order_mark_at_any_other_place_is_not_json(client, content):
    assert "the body is not valid JSON" in read_problem(client.post("/predict", content=content))["detail"]
