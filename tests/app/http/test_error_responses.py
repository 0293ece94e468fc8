"""Every 4xx and 5xx is a problem document, or below `/v2` an error of the protocol, wherever the error arose."""

import pytest
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse

from app.http.error_responses import ErrorResponses
from app.http.middleware import RequestMiddleware
from app.http.problems import PROBLEM_TYPES, SPECIFIC_PROBLEM_TYPES
from app.oip.error_format import OIP_ERROR_FORMAT, OIP_PREFIX
from tests.conftest import ROOT, InProcess
from tests.counting import create_request_counters
from tests.problems import read_problem


@pytest.mark.parametrize(
    ("method", "path", "status", "problem_id"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/predict", 405, "method-not-allowed"),
        ("DELETE", "/metrics", 405, "method-not-allowed"),
        ("OPTIONS", "/predict", 405, "method-not-allowed"),
        ("POST", "/predict", 422, "invalid-input"),
    ],
)
def test_errors_of_the_framework_are_problem_documents(client, method, path, status, problem_id):
    problem = read_problem(client.request(method, path), status)
    assert problem["type"] == f"urn:digits:problem:{problem_id}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]


def test_405_names_the_allowed_methods(client):
    reply = client.get("/predict")
    assert reply.headers["allow"] == "POST"
    assert reply.json()["detail"] == "This address takes POST."


def test_several_errors_are_counted_and_listed(client):
    problem = read_problem(client.post("/predict", json={"pixels": 1, "a": 1, "b": 1}))
    assert problem["detail"] == "pixels must be a list (2 more)"
    assert [error["loc"] for error in problem["errors"]] == [["body", "pixels"], ["body", "a"], ["body", "b"]]


@pytest.fixture
def failing_client():
    """A client of an application whose routes fail in different ways."""
    app = FastAPI()
    errors = ErrorResponses({OIP_PREFIX: OIP_ERROR_FORMAT})
    errors.install(app)
    app.add_middleware(RequestMiddleware, requests=create_request_counters({}), errors=errors)

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


def test_crash_is_a_500_without_its_cause_and_a_log_line_with_its_cause(failing_client, caplog):
    reply = failing_client.get("/crash", headers={"x-request-id": "abc-1"})
    assert reply.status_code == 500
    assert reply.headers["content-type"] == "application/problem+json"
    assert "secret" not in reply.text
    (record,) = caplog.records
    assert record.request_id == reply.headers["x-request-id"] == "abc-1"
    assert record.route == "/crash"
    assert "a secret" in str(record.exc_info[1])


def test_error_response_of_another_origin_is_replaced_by_a_problem_document(failing_client):
    reply = failing_client.get("/plain")
    assert reply.status_code == reply.json()["status"] == 418
    assert reply.headers["content-type"] == "application/problem+json"


def test_errors_below_v2_have_the_form_of_the_protocol(failing_client, caplog):
    for path, status, error in (
        ("/v2/crash", 500, "The service failed."),
        ("/v2/plain", 418, "The request cannot be understood."),
        ("/v2/echo", 400, "The request does not fit the schema."),
    ):
        reply = failing_client.get(path)
        assert (reply.status_code, reply.json()) == (status, {"error": error})
        assert reply.headers["content-type"] == "application/json"
    assert [record.message for record in caplog.records] == ["request failed"]


def test_validation_error_of_an_unknown_type_keeps_its_message(failing_client):
    reply = failing_client.get("/odd")
    assert reply.status_code == 422
    assert reply.json()["detail"] == "x wants {braces}"


def test_docs_list_every_kind_of_problem():
    text = (ROOT / "docs" / "api.md").read_text()
    for status, (problem_id, title) in PROBLEM_TYPES.items():
        assert f"| {status} | `{problem_id}` | {title} |" in text
    for problem_id, title in SPECIFIC_PROBLEM_TYPES.items():
        assert f"| 422 | `{problem_id}` | {title} |" in text
