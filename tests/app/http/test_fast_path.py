"""The fast path and the framework give the same answers, and both agree with a slow reference."""

import asyncio
import json

import numpy as np
import pytest
from fastapi import APIRouter, Depends, FastAPI
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from pydantic import BaseModel

from app.api.schemas import EXAMPLE_IMAGE, EXAMPLE_ROWS, Prediction
from app.http.error_responses import ErrorResponses
from app.http.fast_path import FastPath, find_fast_routes
from app.http.json_endpoint import json_route
from app.http.middleware import RequestMiddleware
from app.main import create_app
from app.settings import Settings
from tests.asgi import must_not_be_called, post, request_scope
from tests.conftest import InProcess
from tests.counting import counted_requests, create_request_counters
from tests.reference import slow_probabilities
from tests.strategies import flat_images, images_of_rows, prediction_bodies

# Number of pieces in which a body arrives. The fast path takes a short body that arrives in one piece, and a body
# in two pieces goes through the framework.
FAST, FRAMEWORK = 1, 2

content_types = st.sampled_from(
    [b"", b"application/json", b"text/plain", b"x/y+json", b"application/json;\xe9", b"APPLICATION/JSON"]
)


@pytest.fixture(scope="module")
def app(artefact):
    return create_app(artefact, Settings(max_body_bytes=4000, max_batch_rows=3))


@given(prediction_bodies | st.binary(max_size=300), content_types)
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_fast_path_and_framework_give_the_same_answer(app, path, body, content_type):
    answer = post(app, path, body, content_type, pieces=FAST)
    assert answer == post(app, path, body, content_type, pieces=FRAMEWORK)
    assert answer[0] in {200, 413, 415, 422}


@given(st.lists(flat_images | images_of_rows, min_size=1, max_size=2))
def test_predictions_equal_those_of_a_slow_reference(app, artefact, images):
    _, _, body = post(app, "/predict/batch", json.dumps({"images": images}).encode(), pieces=FAST)
    for image, prediction in zip(images, json.loads(body)["predictions"], strict=True):
        reference = slow_probabilities(artefact.network.weights, np.ravel(image))
        assert prediction["probabilities"] == pytest.approx(reference, abs=1e-6)
        assert reference[prediction["digit"]] == pytest.approx(max(reference), abs=1e-6)
        _, _, single = post(app, "/predict", json.dumps({"pixels": image}).encode(), pieces=FAST)
        assert json.loads(single)["probabilities"] == pytest.approx(reference, abs=1e-6)


@pytest.mark.parametrize("pieces", [FAST, FRAMEWORK])
@pytest.mark.parametrize("size", [4000, 4001])
def test_limit_of_a_body_is_the_same_on_both_paths(app, pieces, size):
    body = json.dumps({"pixels": EXAMPLE_ROWS}).encode().ljust(size)
    assert post(app, "/predict", body, pieces=pieces)[0] == (200 if size == 4000 else 413)


@pytest.mark.parametrize("root_path", ["", "/digits"])
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_requests_are_counted_under_their_route_on_both_paths(artefact, path, root_path):
    app = create_app(artefact, Settings())
    body = json.dumps({"images": [EXAMPLE_IMAGE]} if "batch" in path else {"pixels": EXAMPLE_IMAGE}).encode()
    for pieces in (FAST, FRAMEWORK):
        assert post(app, path, body, pieces=pieces, root_path=root_path)[0] == 200
        assert post(app, path, b"{}", pieces=pieces, root_path=root_path)[0] == 422
    service = InProcess(app, root_path).get(root_path + "/metrics").json()["service"]
    entries = [entry for entry in service["requests_by_answer"] if entry["route"] == path]
    assert [(entry["status"], entry["count"]) for entry in entries] == [(200, 2), (422, 2), (500, 0)]
    assert service["predictions"][3] == 2


JSON = (b"content-type", b"application/json")
PLAIN_TEXT = (b"content-type", b"text/plain")
SHORT = (b"content-length", b"9")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([JSON, (b"content-length", b"99999")], 413),
        ([JSON, (b"content-length", b"9" * 18)], 413),
        ([PLAIN_TEXT, SHORT], 415),
        ([PLAIN_TEXT, JSON, SHORT], 415),
        ([PLAIN_TEXT], 415),
    ],
)
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_unacceptable_head_is_rejected_before_the_body_is_received(app, path, headers, status):
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(app(request_scope(path, *headers), must_not_be_called, send))
    assert sent[0]["status"] == status


@pytest.mark.parametrize(
    "scope",
    [
        request_scope("/predict", JSON, SHORT, method="GET"),
        request_scope("/predict", JSON, SHORT, (b"expect", b"100-continue")),
        request_scope("/predict", JSON),
        request_scope("/predict", JSON, (b"content-length", b"4097")),
        request_scope("/predict", JSON, (b"content-length", b"nine")),
        request_scope("/predict", PLAIN_TEXT, JSON, SHORT),
        request_scope("/metrics", JSON, SHORT),
    ],
)
def test_fast_path_passes_other_requests_on_unchanged(app, scope):
    calls = []

    async def framework(*arguments):
        calls.append(arguments)

    asyncio.run(FastPath(framework, find_fast_routes(app))(scope, must_not_be_called, must_not_be_called))
    assert calls == [(scope, must_not_be_called, must_not_be_called)]


def test_client_that_disconnects_before_its_body_is_counted_with_status_0(artefact):
    app = create_app(artefact, Settings())

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        raise AssertionError(message)

    asyncio.run(app(request_scope("/predict", JSON, SHORT), receive, send))
    service = InProcess(app).get("/metrics").json()["service"]
    assert [entry["status"] for entry in counted_requests(service)] == [0]


def test_message_without_a_body_is_taken_as_an_empty_body(app):
    sent = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    asyncio.run(app(request_scope("/predict", JSON, (b"content-length", b"0")), receive, send))
    assert sent[0]["status"] == 422


@pytest.mark.parametrize("field", ["pixels", "image"])
@pytest.mark.parametrize("root_path", ["", "/digits"])
@pytest.mark.parametrize("content_type", [b"", b"application/json"])
def test_complete_valid_body_is_answered_without_the_framework(artefact, field, root_path, content_type):
    complete_app, app_without_routes = create_app(artefact, Settings()), create_app(artefact, Settings())
    app_without_routes.router.routes.clear()
    body = json.dumps({field: EXAMPLE_IMAGE}).encode()

    def post_without_routes(data, pieces):
        return post(app_without_routes, "/predict", data, content_type, pieces=pieces, root_path=root_path)

    by_framework = post(complete_app, "/predict", body, content_type, pieces=FRAMEWORK, root_path=root_path)
    assert post_without_routes(body, FAST) == by_framework
    assert post_without_routes(body, FRAMEWORK)[0] == 404
    padded = body.ljust(2 * len(body))  # of its two pieces the first is a valid body, and the second is blank
    assert post_without_routes(padded, FRAMEWORK)[0] == 404


def test_traced_requests_go_through_the_framework(artefact):
    app = create_app(artefact, Settings(), tracer_provider=TracerProvider(shutdown_on_exit=False))
    app.router.routes.clear()
    assert post(app, "/predict", json.dumps({"pixels": EXAMPLE_IMAGE}).encode(), pieces=FAST)[0] == 404


class Numbers(BaseModel):
    pixels: list[float]


@pytest.fixture
def router():
    """A router of JSON routes: one that can be fast, one with a dependency, and one with the method GET."""
    router = APIRouter(route_class=json_route(100, list))
    router.calls = []

    async def dependency():
        raise AssertionError

    @router.post("/open")
    async def open_route(numbers: Numbers) -> Prediction:
        router.calls.append(numbers)
        return Prediction(digit=1, probabilities=[1 / pixel for pixel in numbers.pixels])

    @router.post("/dependent", dependencies=[Depends(dependency)])
    async def dependent_route(numbers: Numbers) -> Prediction:
        return Prediction(digit=2, probabilities=numbers.pixels)

    @router.get("/get")
    async def get_route(numbers: Numbers) -> Prediction:
        return Prediction(digit=3, probabilities=numbers.pixels)

    return router


def test_fast_routes_are_the_post_routes_that_depend_on_their_body_alone(app, router):
    assert set(find_fast_routes(app)) == {"/predict", "/predict/batch"}
    other_app = FastAPI()
    other_app.include_router(router, prefix="/a")
    other_app.include_router(router, prefix="/b", dependencies=[Depends(lambda: None)])
    assert set(find_fast_routes(other_app)) == {"/a/open"}


def test_fast_route_that_fails_gets_a_500_and_a_log_line(router, caplog):
    app = FastAPI()
    app.include_router(router)
    app.add_middleware(FastPath, routes=find_fast_routes(app))
    requests = create_request_counters({"/open": {"POST"}})
    app.add_middleware(RequestMiddleware, requests=requests, errors=ErrorResponses({}))
    status, headers, body = post(app, "/open", b'{"pixels": [0]}', pieces=FAST)
    assert status == 500
    assert len(router.calls) == 1
    assert (b"content-type", b"application/problem+json") in headers
    assert b"division" not in body
    (record,) = caplog.records
    assert record.route == "/open"
    assert record.exc_info[0] is ZeroDivisionError
