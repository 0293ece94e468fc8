"""`/predict` and `/predict/batch`: valid requests get predictions, and all other requests get a 4xx."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.schemas import EXAMPLE_IMAGE, EXAMPLE_ROWS
from model import PIXELS
from tests.problems import read_problem
from tests.strategies import flat_images, json_values


def test_image_gets_a_digit_and_ten_probabilities(client):
    reply = client.post("/predict", json={"pixels": EXAMPLE_IMAGE})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    body = reply.json()
    assert sorted(body) == ["digit", "probabilities"]
    assert body["digit"] == 3 == int(np.argmax(body["probabilities"]))
    assert sum(body["probabilities"]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("body", [{"pixels": EXAMPLE_ROWS}, {"image": EXAMPLE_IMAGE}, {"image": EXAMPLE_ROWS}])
def test_image_as_rows_or_under_its_other_name_gets_the_same_prediction(client, body):
    assert client.post("/predict", json=body).json() == client.post("/predict", json={"pixels": EXAMPLE_IMAGE}).json()


def test_batch_gets_the_predictions_of_its_single_images_in_order(client, split):
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
def test_invalid_batch_is_rejected_with_the_location_of_the_error(make_client, images, detail):
    client = make_client(max_batch_rows=4)
    assert read_problem(client.post("/predict/batch", json={"images": images}))["detail"] == detail


def test_largest_batch_with_all_its_decimals_fits_the_largest_body(client):
    images = np.random.default_rng(0).uniform(1, 16, (1024, PIXELS)).tolist()
    reply = client.post("/predict/batch", json={"images": images})
    assert reply.status_code == 200
    assert len(reply.json()["predictions"]) == 1024


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
@pytest.mark.parametrize("chunked", [False, True])
def test_body_over_the_limit_gets_a_413_with_the_limit(make_client, path, chunked):
    async def chunks():
        for _ in range(3):
            yield b" " * 500

    client = make_client(max_body_bytes=1024)
    reply = client.post(path, content=chunks() if chunked else b" " * 1500)
    assert read_problem(reply, 413)["detail"] == "The body must be at most 1024 bytes."


@given(flat_images)
def test_any_valid_image_gets_the_digit_with_the_largest_probability(client, pixels):
    body = client.post("/predict", json={"pixels": pixels}).json()
    assert body["probabilities"][body["digit"]] == max(body["probabilities"])
    assert sum(body["probabilities"]) == pytest.approx(1, abs=1e-6)


@given(json_values | st.fixed_dictionaries({"pixels": json_values | st.lists(json_values, min_size=64, max_size=64)}))
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_any_json_body_gets_a_200_or_a_422(client, path, body):
    reply = client.post(path, content=json.dumps(body))
    assert reply.status_code in (200, 422)


@given(st.fixed_dictionaries({"images": st.lists(json_values | flat_images, max_size=3)}))
def test_any_batch_gets_a_200_or_a_422(client, body):
    assert client.post("/predict/batch", content=json.dumps(body)).status_code in (200, 422)


@given(st.binary(max_size=200))
def test_any_bytes_get_a_4xx(client, content):
    assert 400 <= client.post("/predict", content=content).status_code < 500
