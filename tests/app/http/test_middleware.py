"""The access log, and the count of answers that are sent in several parts."""

import errno
import io
import sys
import time
from datetime import UTC, datetime

import anyio
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from app.api.schemas import EXAMPLE_IMAGE
from app.http.error_responses import ErrorResponses
from app.http.middleware import RequestMiddleware
from tests.access_log import access_log_lines
from tests.asgi import request_scope, wait_forever
from tests.conftest import InProcess
from tests.counting import create_request_counters
from tests.operations import OPERATIONS


def test_requests_are_not_logged_by_default(client, capsys):
    client.get("/livez")
    assert capsys.readouterr().err == ""


def test_access_log_has_a_line_for_each_request_with_its_id_and_route(logging_client, capsys):
    reply = logging_client.post("/predict", json={"pixels": EXAMPLE_IMAGE})
    (line,) = access_log_lines(capsys)
    assert (line["level"], line["logger"], line["message"]) == ("INFO", "digits", "request")
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is UTC
    assert line["request_id"] == reply.headers["x-request-id"]
    assert (line["method"], line["route"], line["status"]) == ("POST", "/predict", 200)
    assert line["milliseconds"] > 0


class BrokenStream(io.TextIOBase):
    """A stream that cannot be written to."""

    def __init__(self, error):
        self.error = error
        self.attempts = 0

    def write(self, _):
        self.attempts += 1
        raise self.error


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), ValueError("closed")])
def test_request_is_answered_although_its_line_cannot_be_written(logging_client, monkeypatch, error):
    stream = BrokenStream(error)
    monkeypatch.setattr(sys, "stderr", stream)
    assert logging_client.get("/livez").status_code == 200
    assert stream.attempts == 1
    monkeypatch.setattr(sys, "stderr", None)  # as Python does if standard error is closed at the start
    assert logging_client.get("/livez").status_code == 200


@pytest.mark.parametrize(("method", "template"), sorted(OPERATIONS))
def test_access_log_names_the_template_of_the_route(logging_client, capsys, method, template):
    logging_client.request(method, template.format(name="digits", version="3"))
    (line,) = access_log_lines(capsys)
    assert (line["method"], line["route"]) == (method, template)


@pytest.fixture
def streaming():
    """An application with a streaming route, its request counters, and their values when each part was made."""
    requests, counts_by_part = create_request_counters({"/parts": {"GET"}}), []
    app = FastAPI()
    app.add_middleware(RequestMiddleware, requests=requests, errors=ErrorResponses({}))

    async def parts(*, breaks):
        for part in ("a", "b"):
            counts_by_part.append((requests.in_flight.total(), requests.requests.totals()))
            yield part
        if breaks:
            raise RuntimeError

    @app.get("/parts")
    async def route(*, breaks: bool = False):
        return StreamingResponse(parts(breaks=breaks))

    return app, requests, counts_by_part


def test_streamed_answer_is_in_flight_until_its_last_part_and_counted_once(streaming):
    app, requests, counts_by_part = streaming
    start = time.perf_counter()
    assert InProcess(app).get("/parts").text == "ab"
    elapsed = time.perf_counter() - start
    assert counts_by_part == [(1, []), (1, [])]
    assert requests.in_flight.total() == 0
    assert requests.requests.totals() == [(("/parts", "GET", "200"), 1)]
    assert 0 < dict(requests.durations.totals())["/parts",].sum <= elapsed


def test_streamed_answer_that_fails_is_left_incomplete_and_counted_once(streaming):
    app, requests, _ = streaming
    sent = []

    async def send(message):
        sent.append(message)

    scope = {**request_scope("/parts", method="GET"), "query_string": b"breaks=true"}
    with pytest.raises(RuntimeError):
        anyio.run(app, scope, wait_forever, send)
    assert [message["type"] for message in sent] == ["http.response.start", *["http.response.body"] * 2]
    assert all(message.get("more_body") for message in sent[1:])
    assert requests.requests.totals() == [(("/parts", "GET", "200"), 1)]
    assert requests.in_flight.total() == 0
