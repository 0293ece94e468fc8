"""Every 4xx and 5xx is a problem document, whoever raised it."""

import pytest
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse

from app.http.error_responses import ErrorResponses
from app.http.middleware import RequestMiddleware
from app.http.problems import PROBLEM_TYPES
from app.oip.error_form import OIP_FORM, PREFIX
from tests.app.observability.test_instruments import requests_to
from tests.conftest import ROOT, InProcess


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/predict", 405, "method-not-allowed"),
        ("DELETE", "/metrics", 405, "method-not-allowed"),
        ("OPTIONS", "/predict", 405, "method-not-allowed"),
        ("POST", "/predict", 422, "invalid-input"),
    ],
)
def test_the_frameworks_errors_are_problem_documents(client, method, path, status, slug):
    reply = client.request(method, path)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert problem["type"] == f"urn:digits:problem:{slug}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]


def test_a_405_says_what_is_allowed(client):
    reply = client.get("/predict")
    assert reply.headers["allow"] == "POST"
    assert reply.json()["detail"] == "This address takes POST."


@pytest.fixture
def failing():
    app = FastAPI()
    errors = ErrorResponses({PREFIX: OIP_FORM})
    errors.install(app)
    app.add_middleware(RequestMiddleware, requests=requests_to({}), errors=errors)

    @app.get("/v2/crash")
    @app.get("/crash")
    async def crash():
        raise RuntimeError("a secret")

    @app.get("/v2/plain")
    @app.get("/plain")
    async def plain():
        return PlainTextResponse("teapot", 418)

    @app.get("/v2/echo")
    async def echo():
        return JSONResponse({"detail": [{"input": "what was sent"}]}, 422)

    @app.get("/odd")
    async def odd():
        raise RequestValidationError([{"type": "odd", "loc": ("query", "x"), "msg": "wants {braces}"}])

    return InProcess(app)


def test_a_crash_is_a_500_without_a_word_of_its_cause_and_a_log_line_with_it(failing, caplog):
    reply = failing.get("/crash", headers={"x-request-id": "abc-1"})
    assert reply.status_code == 500
    assert reply.headers["content-type"] == "application/problem+json"
    assert "secret" not in reply.text
    (record,) = caplog.records
    assert record.request_id == reply.headers["x-request-id"] == "abc-1"
    assert record.route == "/crash"
    assert "a secret" in str(record.exc_info[1])


def test_an_error_that_somebody_else_wrote_leaves_as_a_problem(failing):
    reply = failing.get("/plain")
    assert reply.status_code == reply.json()["status"] == 418
    assert reply.headers["content-type"] == "application/problem+json"


def test_below_v2_whatever_fails_is_said_in_the_form_of_that_protocol(failing, caplog):
    for path, status, error in (
        ("/v2/crash", 500, "The service failed."),
        ("/v2/plain", 418, "The request cannot be understood."),
        ("/v2/echo", 400, "The request does not fit the schema."),
    ):
        reply = failing.get(path)
        assert (reply.status_code, reply.json()) == (status, {"error": error})
        assert reply.headers["content-type"] == "application/json"
    assert [record.message for record in caplog.records] == ["request failed"]


def test_a_fault_without_a_rule_of_ours_is_said_in_its_own_words(failing):
    reply = failing.get("/odd")
    assert reply.status_code == 422
    assert reply.json()["detail"] == "x wants {braces}"


def test_the_docs_list_every_kind_of_problem():
    text = (ROOT / "docs" / "api.md").read_text()
    for status, (slug, title) in PROBLEM_TYPES.items():
        assert f"| {status} | `{slug}` | {title} |" in text
