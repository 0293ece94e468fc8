"""Request ids, and the limits on the head of a request."""

import re

import pytest

from app.http.request_head import EXCESS_CONNECTION_KEY, MAX_HEAD_BYTES, PROBES
from tests.asgi import call, call_without_body, read_answer, request_scope
from tests.hostile import INFER


@pytest.fixture(scope="module")
def app(client):
    return client.app


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


@pytest.mark.parametrize("path", ["/livez", "/predict", INFER])
@pytest.mark.parametrize(("http_version", "hosts", "status"), [("1.1", 0, 400), ("1.1", 2, 400), ("1.0", 2, 400)])
def test_request_without_exactly_one_host_is_rejected(app, path, http_version, hosts, status):
    scope = request_scope(path, method="GET", http_version=http_version)
    scope["headers"] = [(b"host", b"digits")] * hosts
    received, _, body = call_without_body(app, scope)
    assert received == status
    assert b"A request must have one Host header." in body


@pytest.mark.parametrize(("http_version", "hosts"), [("1.0", 0), ("1.0", 1), ("1.1", 1), ("2", 0), ("3", 0)])
def test_request_may_lack_a_host_only_in_another_version_of_http(app, http_version, hosts):
    scope = request_scope("/livez", method="GET", http_version=http_version)
    scope["headers"] = [(b"host", b"")] * hosts
    assert read_answer(call(app, scope))[0] == 200


@pytest.mark.parametrize("root_path", ["", "/digits"])
@pytest.mark.parametrize(
    "path", ["/", "/predict", "/predict/picture", "/metrics", "/v2/health/ready", INFER, "/livez/"]
)
def test_request_on_a_connection_above_the_limit_gets_a_503_before_its_body_is_received(app, path, root_path):
    scope = request_scope(path, root_path=root_path, **{EXCESS_CONNECTION_KEY: True})
    status, headers, body = call_without_body(app, scope)
    assert status == 503
    assert {(b"connection", b"close"), (b"retry-after", b"1")} <= set(headers)
    assert b"Too many connections are open." in body


@pytest.mark.parametrize("root_path", ["", "/digits"])
@pytest.mark.parametrize("path", PROBES)
def test_probe_on_a_connection_above_the_limit_is_answered(app, path, root_path):
    scope = request_scope(path, method="GET", root_path=root_path, **{EXCESS_CONNECTION_KEY: True})
    assert read_answer(call(app, scope))[0] == 200
