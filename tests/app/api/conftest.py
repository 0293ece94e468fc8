"""A fixture for the tests of `/metrics`."""

import pytest

from app.api.schemas import EXAMPLE_IMAGE

BLANK_IMAGE = [0] * 64


@pytest.fixture
def used_client(make_client):
    """A client of a service that has answered a few requests of every kind."""
    client = make_client()
    client.post("/predict", json={"pixels": EXAMPLE_IMAGE})
    client.post("/predict/batch", json={"images": [EXAMPLE_IMAGE, BLANK_IMAGE, EXAMPLE_IMAGE]})
    client.post("/predict", json={})
    client.post("/predict/picture", content=b"no picture")
    client.get("/nowhere")
    client.request("BREW", "/predict")
    return client
