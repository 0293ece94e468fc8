"""JSON bodies: the limits on their values and errors, and the rejection of bytes that are not JSON."""

import json

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter

from app.api.schemas import EXAMPLE_IMAGE
from app.http.json_body import count_values, parse_json
from tests.problems import read_problem


def test_parse_json_rejects_a_body_with_more_values_than_the_limit():
    body = json.dumps({"images": [[0] * 8] * 20}).encode()
    values = count_values(body)
    for max_values, error_type in ((values, "list_type"), (values - 1, "body")):
        with pytest.raises(RequestValidationError) as caught:
            parse_json(TypeAdapter(list), body, max_values, list)
        assert caught.value.errors()[0]["type"] == error_type


@pytest.mark.parametrize("repeated", [b"[" * 100_000, b"[],", b"{},", b"0,", b'"",', b'{"":0},'])
@pytest.mark.parametrize("start", [b'{"pixels": [', b'{"image": "", "x": ['])
def test_body_with_more_values_than_the_largest_batch_is_rejected(client, repeated, start):
    content = start + repeated * (1_000_000 // len(repeated)) + b"0]}"
    detail = "the body must not hold more than 75752 values"
    assert read_problem(client.post("/predict", content=content))["detail"] == detail


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
