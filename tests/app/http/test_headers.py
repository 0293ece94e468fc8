"""The Content-Type decides whether a body is parsed as JSON."""

import json

import pytest

from app.api.schemas import EXAMPLE_IMAGE
from tests.problems import read_problem


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "application/json"},
        {"content-type": "application/json; charset=utf-8"},
        {"content-type": "Application/JSON"},
        {"content-type": "application/problem+json"},
        {"content-type": "application/x-www-form-urlencoded"},
    ],
)
def test_body_with_a_json_type_or_a_clients_default_type_is_parsed_as_json(client, headers):
    reply = client.post("/predict", content=json.dumps({"pixels": EXAMPLE_IMAGE}), headers=headers)
    assert reply.json()["digit"] == 3


@pytest.mark.parametrize("media_type", ["text/plain", "image/png", "multipart/form-data; boundary=x", "json"])
def test_body_with_any_other_type_gets_a_415(client, media_type):
    reply = client.post("/predict", content="{}", headers={"content-type": media_type})
    assert read_problem(reply, 415)["detail"] == "The body must be application/json."
