"""Each answer carries an id, each logged request a line, and a head has a bound."""

import re

import pytest

from app.schemas import EXAMPLE_IMAGE
from app.telemetry import MAX_HEAD_BYTES
from tests.app.test_openapi import OPERATIONS


@pytest.mark.parametrize("path", ["/livez", "/metrics", "/nowhere", "/predict"])
def test_every_answer_carries_a_fresh_id(client, path):
    ids = {client.get(path).headers["x-request-id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", request_id) for request_id in ids)


@pytest.mark.parametrize("request_id", ["a", "7f3c-22:AB.c_d/e+f=@", "x" * 128])
def test_a_sane_id_of_the_callers_is_kept(client, request_id):
    assert client.get("/livez", headers={"x-request-id": request_id}).headers["x-request-id"] == request_id


@pytest.mark.parametrize("request_id", ["", "a b", "x" * 129, "é".encode(), 'a"b', "<script>"])
def test_any_other_id_is_replaced(client, request_id):
    answered = client.get("/livez", headers={"x-request-id": request_id}).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", answered)


def test_a_head_over_the_limit_is_a_431_that_names_the_limit(client):
    reply = client.get("/livez", headers={"x-filler": "a" * MAX_HEAD_BYTES})
    assert reply.status_code == 431
    assert str(MAX_HEAD_BYTES) in reply.json()["detail"]
    assert reply.headers["content-type"] == "application/problem+json"


def test_a_body_behind_an_upgrade_is_refused_in_words(client):
    headers = {"connection": "upgrade", "upgrade": "h2c"}
    reply = client.post("/predict", json={"pixels": EXAMPLE_IMAGE}, headers=headers)
    assert reply.status_code == 400
    assert reply.json()["detail"] == "A request with a body cannot ask for an upgrade."


def test_no_request_is_logged_by_default(client, caplog):
    client.get("/livez")
    assert not caplog.records


def test_with_the_access_log_each_request_is_a_line_with_its_id_and_route(make_client, caplog):
    caplog.set_level("INFO", "digits")
    reply = make_client(access_log=True).post("/predict", json={"pixels": EXAMPLE_IMAGE})
    (record,) = caplog.records
    assert record.message == "request"
    assert record.request_id == reply.headers["x-request-id"]
    assert (record.method, record.route, record.status) == ("POST", "/predict", 200)
    assert record.milliseconds > 0


@pytest.mark.parametrize(("method", "template"), sorted(OPERATIONS))
def test_a_route_is_logged_as_its_template(make_client, caplog, method, template):
    caplog.set_level("INFO", "digits")
    make_client(access_log=True).request(method, template.format(name="digits", version="2"))
    (record,) = caplog.records
    assert (record.method, record.route) == (method, template)
