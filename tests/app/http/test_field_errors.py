"""Errors in the input name the location and the broken rule, and never repeat the input."""

import pytest

from tests.problems import read_problem


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "pixels is required"),
        ({"pixels": None}, "pixels must be a list"),
        ({"pixels": "0" * 64}, "pixels must be a list"),
        ({"pixels": []}, "pixels must have a length of at least 64"),
        ({"pixels": [0] * 63}, "pixels must have a length of at least 64"),
        ({"pixels": [0] * 65}, "pixels must have a length of at most 64"),
        ({"pixels": [[0] * 8] * 7}, "pixels must have a length of at least 8"),
        ({"pixels": [[0] * 8] * 7 + [[0] * 9]}, "pixels[7] must have a length of at most 8"),
        ({"pixels": [0] * 64, "label": 3}, "label is not a known field, or a second name of one"),
        ({"pixels": [0] * 64, "image": [0] * 64}, "image is not a known field, or a second name of one"),
        ([0] * 64, "the body must be a JSON object"),
        (7, "the body must be a JSON object"),
    ],
)
def test_invalid_body_is_rejected_with_the_location_and_the_broken_rule(client, body, detail):
    assert read_problem(client.post("/predict", json=body))["detail"] == detail


def test_error_response_never_repeats_the_input(client):
    phrase = "correct horse battery staple"
    for body in ({"pixels": phrase}, {"pixels": [phrase] * 64}, {"pixels": [0] * 64, "x" * 1000: phrase}):
        reply = client.post("/predict", json=body)
        assert phrase not in read_problem(reply)["detail"]
        assert phrase not in reply.text
        assert len(reply.text) < 5000
