"""`/predict` and `/predict/batch`: what is accepted, what is answered, what is refused and how."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.schemas import EXAMPLE_IMAGE, EXAMPLE_ROWS
from model import PIXELS

numbers = st.floats(0, 16) | st.integers(0, 16)
flat_images = st.lists(numbers, min_size=PIXELS, max_size=PIXELS)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def image(**changes):
    """The example, flat, with some pixels replaced by the text of a JSON value."""
    values = [json.dumps(pixel) for pixel in EXAMPLE_IMAGE]
    for position, text in changes.items():
        values[int(position.removeprefix("p"))] = text
    return f"[{', '.join(values)}]"


def refusal(reply, status=422):
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    return reply.json()


def test_an_image_gets_a_digit_and_ten_probabilities(client):
    reply = client.post("/predict", json={"pixels": EXAMPLE_IMAGE})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    body = reply.json()
    assert sorted(body) == ["digit", "probabilities"]
    assert body["digit"] == 3 == int(np.argmax(body["probabilities"]))
    assert sum(body["probabilities"]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("body", [{"pixels": EXAMPLE_ROWS}, {"image": EXAMPLE_IMAGE}, {"image": EXAMPLE_ROWS}])
def test_rows_and_the_other_name_say_the_same(client, body):
    assert client.post("/predict", json=body).json() == client.post("/predict", json={"pixels": EXAMPLE_IMAGE}).json()


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
def test_what_a_client_that_was_told_nothing_sends_is_taken_as_json(client, headers):
    reply = client.post("/predict", content=json.dumps({"pixels": EXAMPLE_IMAGE}), headers=headers)
    assert reply.json()["digit"] == 3


@pytest.mark.parametrize("media_type", ["text/plain", "image/png", "multipart/form-data; boundary=x", "json"])
def test_any_other_kind_of_body_is_a_415(client, media_type):
    reply = client.post("/predict", content="{}", headers={"content-type": media_type})
    assert refusal(reply, 415)["detail"] == "The body must be application/json."


@pytest.mark.parametrize(
    "text", ["16.0000001", "-0.0000001", "17", "1e999", "-1e999", "NaN", "Infinity", "1" + "0" * 400]
)
def test_a_pixel_out_of_bounds_is_named_with_its_bounds(client, text):
    problem = refusal(client.post("/predict", content=f'{{"pixels": {image(p3=text)}}}'))
    assert problem["detail"].startswith("pixels[3] must be ")
    assert text not in problem["detail"]


def test_in_rows_a_pixel_is_named_by_row_and_column(client):
    rows = [[*row] for row in EXAMPLE_ROWS]
    rows[2][5] = 99
    assert refusal(client.post("/predict", json={"pixels": rows}))["detail"] == "pixels[2][5] must be between 0 and 16"


@pytest.mark.parametrize("text", ['"1"', "true", "false", "null", "[]", "{}"])
def test_only_numbers_are_pixels(client, text):
    problem = refusal(client.post("/predict", content=f'{{"pixels": {image(p3=text)}}}'))
    assert problem["detail"] == "pixels[3] must be a number"
    assert problem["errors"] == [{"loc": ["body", "pixels", 3], "msg": "must be a number"}]


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
def test_each_fault_of_a_body_is_said_in_words(client, body, detail):
    assert refusal(client.post("/predict", json=body))["detail"] == detail


@pytest.mark.parametrize("heap", [b"[" * 100_000, b"[],", b"{},", b"0,", b'"",', b'{"":0},'])
@pytest.mark.parametrize("field", [b'{"pixels": [', b'{"image": "", "x": ['])
def test_more_values_than_the_largest_batch_has_are_refused(client, heap, field):
    content = field + heap * (1_000_000 // len(heap)) + b"0]}"
    rule = "the body must not hold more than 75752 values"
    assert refusal(client.post("/predict", content=content))["detail"] == rule


def test_the_largest_batch_has_no_more_values_than_a_body_may(make_client):
    client = make_client(max_batch_rows=10_000)
    content = b'{"images":[' + b",".join([str([[0] * 8] * 8).replace(" ", "").encode()] * 10_000) + b"]}"
    assert client.post("/predict/batch", content=content).status_code == 200


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"pixels": [0,}', b"\xff\xfe", b"[" * 900, b'{"pixels": ' + b"[" * 900, b'{"a": "\xc3"}']
)
def test_what_is_not_json_is_a_422(client, content):
    assert "the body is not valid JSON" in refusal(client.post("/predict", content=content))["detail"]


def test_an_integer_of_5000_digits_is_refused(client):
    refusal(client.post("/predict", content=f'{{"pixels": {image(p0="9" * 5000)}}}'))


def test_several_faults_are_counted_and_listed(client):
    problem = refusal(client.post("/predict", json={"pixels": 1, "a": 1, "b": 1}))
    assert problem["detail"] == "pixels must be a list (2 more)"
    assert [error["loc"] for error in problem["errors"]] == [["body", "pixels"], ["body", "a"], ["body", "b"]]


@pytest.mark.parametrize("images", [[1] * 1_000_000, [[]] * 500_000, [[""] * 64] * 7_000], ids=["1", "[]", "''"])
def test_of_a_million_faults_in_lists_the_first_is_said(client, images):
    content = json.dumps({"images": images}, separators=(",", ":"))
    assert len(refusal(client.post("/predict/batch", content=content))["errors"]) == 1


def test_a_body_of_unknown_fields_is_refused_without_listing_them(client):
    problem = refusal(client.post("/predict", json={"pixels": EXAMPLE_IMAGE, **dict.fromkeys(map(str, range(50)))}))
    assert problem["detail"] == "the body must not have more than 20 faults"


def test_an_unknown_field_may_be_called_like_a_layout(client):
    problem = refusal(client.post("/predict", json={"pixels": EXAMPLE_IMAGE, "64 numbers": 1}))
    assert problem["detail"].startswith("64 numbers is not a known field")


def test_a_refusal_never_repeats_what_was_sent(client):
    phrase = "correct horse battery staple"
    for body in ({"pixels": phrase}, {"pixels": [phrase] * 64}, {"pixels": [0] * 64, "x" * 1000: phrase}):
        reply = client.post("/predict", json=body)
        assert phrase not in refusal(reply)["detail"]
        assert phrase not in reply.text
        assert len(reply.text) < 5000


def test_a_batch_is_answered_in_order_and_as_its_images_one_by_one(client, split):
    images = split.held_out.pixels[:20].tolist()
    images[5] = np.reshape(images[5], (8, 8)).tolist()
    batch = client.post("/predict/batch", json={"images": images}).json()["predictions"]
    for pixels, prediction in zip(images, batch, strict=True):
        single = client.post("/predict", json={"pixels": pixels}).json()
        assert prediction["digit"] == single["digit"]
        assert prediction["probabilities"] == pytest.approx(single["probabilities"], abs=1e-6)


@pytest.mark.parametrize(
    ("images", "detail"),
    [
        ([], "images must have a length of at least 1"),
        ([EXAMPLE_IMAGE] * 5, "images must have a length of at most 4"),
        ([EXAMPLE_IMAGE, [0] * 63], "images[1] must have a length of at least 64"),
        ([EXAMPLE_IMAGE, EXAMPLE_IMAGE, [*EXAMPLE_IMAGE[:-1], 17]], "images[2][63] must be between 0 and 16"),
        ([EXAMPLE_IMAGE, [*EXAMPLE_ROWS[:-1], [0] * 7 + [-1]]], "images[1][7][7] must be between 0 and 16"),
        ([EXAMPLE_IMAGE, None], "images[1] must be a list"),
    ],
)
def test_one_bad_image_refuses_the_batch_and_is_named(make_client, images, detail):
    small = make_client(max_batch_rows=4)
    assert refusal(small.post("/predict/batch", json={"images": images}))["detail"] == detail


def test_the_largest_batch_with_all_its_decimals_fits_the_largest_body(client):
    images = np.random.default_rng(0).uniform(1, 16, (1024, PIXELS)).tolist()
    reply = client.post("/predict/batch", json={"images": images})
    assert reply.status_code == 200
    assert len(reply.json()["predictions"]) == 1024


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_a_413_that_names_the_limit(make_client, path, chunked):
    async def chunks():
        for _ in range(3):
            yield b" " * 500

    small = make_client(max_body_bytes=1024)
    reply = small.post(path, content=chunks() if chunked else b" " * 1500)
    assert refusal(reply, 413)["detail"] == "The body must be at most 1024 bytes."


@given(flat_images)
def test_any_valid_image_gets_probabilities_of_which_the_digit_is_the_largest(client, pixels):
    body = client.post("/predict", json={"pixels": pixels}).json()
    assert body["probabilities"][body["digit"]] == max(body["probabilities"])
    assert sum(body["probabilities"]) == pytest.approx(1, abs=1e-6)


@given(json_values | st.fixed_dictionaries({"pixels": json_values | st.lists(json_values, min_size=64, max_size=64)}))
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_any_json_body_gets_a_2xx_or_a_4xx(client, path, body):
    reply = client.post(path, content=json.dumps(body))
    assert reply.status_code in (200, 422)


@given(st.fixed_dictionaries({"images": st.lists(json_values | flat_images, max_size=3)}))
def test_any_batch_gets_a_2xx_or_a_4xx(client, body):
    assert client.post("/predict/batch", content=json.dumps(body)).status_code in (200, 422)


@given(st.binary(max_size=200))
def test_any_bytes_get_a_4xx(client, content):
    assert 400 <= client.post("/predict", content=content).status_code < 500
