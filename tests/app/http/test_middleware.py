"""Each answer carries an id, each request is counted once and logged in a line, and a head has a bound."""

import re
import time

import anyio
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from app.api.schemas import EXAMPLE_IMAGE
from app.http.error_responses import ErrorResponses
from app.http.middleware import RequestMiddleware
from app.http.request_head import MAX_HEAD_BYTES
from app.observability.instruments import RequestCount
from tests.app.observability.test_instruments import requests_to
from tests.app.test_openapi import OPERATIONS
from tests.conftest import InProcess


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


@pytest.fixture
def streaming():
    """A service with a route whose answer comes in parts, and what it counted when each part was made."""
    requests, seen = requests_to({"/parts": {"GET"}}), []
    app = FastAPI()
    app.add_middleware(RequestMiddleware, requests=requests, errors=ErrorResponses({}))

    async def parts(*, breaks):
        for part in ("a", "b"):
            seen.append((requests.in_flight(), requests.totals()))
            yield part
        if breaks:
            raise RuntimeError

    @app.get("/parts")
    async def route(*, breaks: bool = False):
        return StreamingResponse(parts(breaks=breaks))

    return app, requests, seen


def test_an_answer_in_parts_is_in_flight_until_the_last_and_then_counted_once(streaming):
    app, requests, seen = streaming
    start = time.perf_counter()
    assert InProcess(app).get("/parts").text == "ab"
    elapsed = time.perf_counter() - start
    assert seen == [(1, []), (1, [])]
    assert requests.in_flight() == 0
    assert requests.totals() == [RequestCount("/parts", "GET", 200, 1)]
    assert 0 < requests.durations()["/parts"].sum <= elapsed


def test_an_answer_that_breaks_off_says_so_by_nothing_but_its_end_and_is_counted_once(streaming):
    app, requests, _ = streaming
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        await anyio.sleep_forever()  # there is no body, and the client stays

    scope = {"type": "http", "method": "GET", "path": "/parts", "raw_path": b"/parts"}
    scope |= {"query_string": b"breaks=true", "root_path": "", "headers": []}
    with pytest.raises(RuntimeError):
        anyio.run(app, scope, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", *["http.response.body"] * 2]
    assert all(message.get("more_body") for message in sent[1:])
    assert requests.totals() == [RequestCount("/parts", "GET", 200, 1)]
    assert requests.in_flight() == 0
