"""Request ids, and the limits on the head of a request."""

import re

import pytest

from app.api.schemas import EXAMPLE_IMAGE
from app.http.request_head import MAX_HEAD_BYTES


@pytest.mark.parametrize("path", ["/livez", "/metrics", "/nowhere", "/predict"])
def test_every_answer_has_a_new_request_id(client, path):
    request_ids = {client.get(path).headers["x-request-id"] for _ in range(2)}
    assert len(request_ids) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", request_id) for request_id in request_ids)


@pytest.mark.parametrize("request_id", ["a", "7f3c-22:AB.c_d/e+f=@", "x" * 128])
def test_valid_request_id_of_the_caller_is_kept(client, request_id):
    assert client.get("/livez", headers={"x-request-id": request_id}).headers["x-request-id"] == request_id


@pytest.mark.parametrize("request_id", ["", "a b", "x" * 129, "é".encode(), 'a"b', "<script>"])
def test_invalid_request_id_of_the_caller_is_replaced(client, request_id):
    new_request_id = client.get("/livez", headers={"x-request-id": request_id}).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", new_request_id)


def test_head_over_the_limit_gets_a_431_with_the_limit(client):
    reply = client.get("/livez", headers={"x-filler": "a" * MAX_HEAD_BYTES})
    assert reply.status_code == 431
    assert str(MAX_HEAD_BYTES) in reply.json()["detail"]
    assert reply.headers["content-type"] == "application/problem+json"


def test_body_with_an_upgrade_header_is_rejected_with_the_reason(client):
    headers = {"connection": "upgrade", "upgrade": "h2c"}
    reply = client.post("/predict", json={"pixels": EXAMPLE_IMAGE}, headers=headers)
    assert reply.status_code == 400
    assert reply.json()["detail"] == "A request with a body cannot ask for an upgrade."
