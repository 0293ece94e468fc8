"""`/predict/picture`: a picture of a digit gets a prediction, and any other body gets an error response."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.drawing import draw
from tests.picture_requests import PATH, encode_picture, is_answered, post_picture
from tests.problems import read_problem


@pytest.mark.parametrize("digit", range(10))
def test_drawn_digit_is_predicted_and_the_reply_has_the_image_that_the_network_saw(client, digit):
    reply = post_picture(client, encode_picture(draw(digit)))
    assert reply.status_code == 200
    body = reply.json()
    assert sorted(body) == ["digit", "pixels", "probabilities"]
    assert body["digit"] == digit
    assert np.shape(body["pixels"]) == (8, 8)
    prediction = client.post("/predict", json={"pixels": body["pixels"]}).json()
    assert prediction["digit"] == digit
    assert prediction["probabilities"] == pytest.approx(body["probabilities"], abs=1e-6)


def test_prediction_of_a_picture_is_counted(make_client):
    client = make_client()
    post_picture(client, encode_picture(draw(6)))
    assert client.get("/metrics").json()["service"]["predictions"][6] == 1


@pytest.mark.parametrize("brightness", [0, 128, 255])
def test_blank_picture_is_rejected(client, brightness):
    data = encode_picture(np.full((50, 40), brightness, np.uint8))
    problem = read_problem(post_picture(client, data))
    assert problem["detail"] == "the body shows nothing that stands out from its background"
    form_problem = read_problem(client.post(PATH, files={"file": data}))
    assert form_problem["detail"] == "file shows nothing that stands out from its background"


@pytest.mark.parametrize("count", [2, 3])
def test_picture_with_several_digits_is_rejected_with_their_number(client, count):
    data = encode_picture(np.hstack([draw(digit) for digit in range(count)]))
    problem = read_problem(post_picture(client, data))
    assert problem["type"] == "urn:digits:problem:several-digits"
    assert problem["title"] == "The picture shows several digits"
    rule = f"shows {count} separate shapes of a digit's size, and one is wanted"
    assert problem["detail"] == f"the body {rule}"
    assert problem["errors"] == [{"loc": ["body"], "msg": rule}]
    form_problem = read_problem(client.post(PATH, files={"file": data}))
    assert form_problem["type"] == problem["type"]
    assert form_problem["detail"] == f"file {rule}"


@given(st.binary(max_size=300), st.sampled_from(["image/png", "image/bmp", "", "multipart/form-data; boundary=x"]))
def test_any_bytes_are_answered_without_a_server_error(client, data, media_type):
    assert is_answered(post_picture(client, data, media_type))
