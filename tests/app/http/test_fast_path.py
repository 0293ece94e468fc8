"""The shortcut answers what the framework's way answers, and what a slow and separate reading says."""

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
from tests.app.api.test_images import bodies, images, rows
from tests.app.observability.test_instruments import requests_to
from tests.asgi import ask, head, never
from tests.conftest import InProcess
from tests.reference import slow_probabilities

content_types = st.sampled_from(
    [b"", b"application/json", b"text/plain", b"x/y+json", b"application/json;\xe9", b"APPLICATION/JSON"]
)


@pytest.fixture(scope="module")
def app(artefact):
    return create_app(artefact, Settings(max_body_bytes=4000, max_batch_rows=3))


@given(bodies | st.binary(max_size=300), content_types)
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_the_same_bytes_get_the_same_answer_in_one_piece_and_in_two(app, path, body, content_type):
    whole = ask(app, path, body, content_type, pieces=1)
    assert whole == ask(app, path, body, content_type, pieces=2)
    assert whole[0] in {200, 413, 415, 422}


@given(st.lists(images | rows, min_size=1, max_size=2))
def test_digit_and_probabilities_are_those_of_a_slow_reading(app, artefact, batch):
    _, _, body = ask(app, "/predict/batch", json.dumps({"images": batch}).encode(), pieces=1)
    for image, prediction in zip(batch, json.loads(body)["predictions"], strict=True):
        reference = slow_probabilities(artefact.network.weights, np.ravel(image))
        assert prediction["probabilities"] == pytest.approx(reference, abs=1e-6)
        assert reference[prediction["digit"]] == pytest.approx(max(reference), abs=1e-6)
        single = ask(app, "/predict", json.dumps({"pixels": image}).encode(), pieces=1)
        assert json.loads(single[2])["probabilities"] == pytest.approx(reference, abs=1e-6)


@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize("size", [4000, 4001])
def test_the_limit_of_a_body_is_the_same_on_both_ways(app, pieces, size):
    body = json.dumps({"pixels": EXAMPLE_ROWS}).encode().ljust(size)
    assert ask(app, "/predict", body, pieces=pieces)[0] == (200 if size == 4000 else 413)


@pytest.mark.parametrize("root_path", ["", "/digits"])
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_requests_count_as_their_route_whichever_way_they_go(artefact, path, root_path):
    app = create_app(artefact, Settings())
    body = json.dumps({"images": [EXAMPLE_IMAGE]} if "batch" in path else {"pixels": EXAMPLE_IMAGE}).encode()
    for pieces in (1, 2):
        assert ask(app, path, body, pieces=pieces, root_path=root_path)[0] == 200
        assert ask(app, path, b"{}", pieces=pieces, root_path=root_path)[0] == 422
    report = InProcess(app, root_path).get(root_path + "/metrics").json()["service"]
    counts = [entry for entry in report["requests_by_answer"] if entry["route"] == path]
    assert [(entry["status"], entry["count"]) for entry in counts] == [(200, 2), (422, 2), (500, 0)]
    assert report["predictions"][3] == 2


JSON = (b"content-type", b"application/json")
SHORT = (b"content-length", b"9")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([JSON, (b"content-length", b"99999")], 413),
        ([JSON, (b"content-length", b"9" * 18)], 413),
        ([(b"content-type", b"text/plain"), SHORT], 415),
        ([(b"content-type", b"text/plain"), JSON, SHORT], 415),
        ([(b"content-type", b"text/plain")], 415),
    ],
)
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_what_the_head_alone_makes_unacceptable_is_refused_before_the_body(app, path, headers, status):
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(app(head(path, *headers), never, send))
    assert sent[0]["status"] == status


@pytest.mark.parametrize(
    "scope",
    [
        head("/predict", JSON, SHORT, method="GET"),
        head("/predict", JSON, SHORT, (b"expect", b"100-continue")),
        head("/predict", JSON),
        head("/predict", JSON, (b"content-length", b"4097")),
        head("/predict", JSON, (b"content-length", b"nine")),
        head("/predict", (b"content-type", b"text/plain"), JSON, SHORT),
        head("/metrics", JSON, SHORT),
    ],
)
def test_whatever_the_shortcut_is_not_for_it_leaves_untouched(app, scope):
    taken = []

    async def framework(*arguments):
        taken.append(arguments)

    asyncio.run(FastPath(framework, find_fast_routes(app))(scope, never, never))
    assert taken == [(scope, never, never)]


def test_a_client_that_leaves_before_its_body_came_is_counted_as_one(artefact):
    app = create_app(artefact, Settings())

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        raise AssertionError(message)

    asyncio.run(app(head("/predict", JSON, SHORT), receive, send))
    report = InProcess(app).get("/metrics").json()["service"]
    assert [entry["status"] for entry in report["requests_by_answer"] if entry["count"]] == [0]


def test_a_body_that_is_not_there_is_an_empty_one(app):
    sent = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    asyncio.run(app(head("/predict", JSON, (b"content-length", b"0")), receive, send))
    assert sent[0]["status"] == 422


@pytest.mark.parametrize("field", ["pixels", "image"])
@pytest.mark.parametrize("root_path", ["", "/digits"])
@pytest.mark.parametrize("content_type", [b"", b"application/json"])
def test_what_is_whole_and_right_never_meets_the_framework(artefact, field, root_path, content_type):
    whole, without = create_app(artefact, Settings()), create_app(artefact, Settings())
    without.router.routes.clear()
    body = json.dumps({field: EXAMPLE_IMAGE}).encode()
    alone = ask(without, "/predict", body, content_type, pieces=1, root_path=root_path)
    assert alone == ask(whole, "/predict", body, content_type, pieces=2, root_path=root_path)
    assert ask(without, "/predict", body, content_type, pieces=2, root_path=root_path)[0] == 404
    in_two = body.ljust(2 * len(body))  # the first of which says it all
    assert ask(without, "/predict", in_two, content_type, pieces=2, root_path=root_path)[0] == 404


def test_requests_with_spans_go_the_frameworks_way(artefact):
    app = create_app(artefact, Settings(), tracer_provider=TracerProvider(shutdown_on_exit=False))
    app.router.routes.clear()
    assert ask(app, "/predict", json.dumps({"pixels": EXAMPLE_IMAGE}).encode(), pieces=1)[0] == 404


class Question(BaseModel):
    pixels: list[float]


@pytest.fixture
def answering():
    """Routes: one to which a shortcut may lead, one that depends on more, one that is not posted to."""
    router = APIRouter(route_class=json_route(100, list))
    router.questions = []

    async def refuse():
        raise AssertionError

    @router.post("/open")
    async def open_route(question: Question) -> Prediction:
        router.questions.append(question)
        return Prediction(digit=1, probabilities=[1 / pixel for pixel in question.pixels])

    @router.post("/guarded", dependencies=[Depends(refuse)])
    async def guarded(question: Question) -> Prediction:
        return Prediction(digit=2, probabilities=question.pixels)

    @router.get("/asked")
    async def asked(question: Question) -> Prediction:
        return Prediction(digit=3, probabilities=question.pixels)

    return router


def test_it_leads_to_routes_that_need_their_body_alone(app, answering):
    assert set(find_fast_routes(app)) == {"/predict", "/predict/batch"}
    service = FastAPI()
    service.include_router(answering, prefix="/a")
    service.include_router(answering, prefix="/b", dependencies=[Depends(lambda: None)])
    assert set(find_fast_routes(service)) == {"/a/open"}


def test_a_route_that_fails_is_a_500_in_the_log_like_any_other(answering, caplog):
    service = FastAPI()
    service.include_router(answering)
    service.add_middleware(FastPath, routes=find_fast_routes(service))
    service.add_middleware(RequestMiddleware, requests=requests_to({"/open": {"POST"}}), errors=ErrorResponses({}))
    status, headers, body = ask(service, "/open", b'{"pixels": [0]}', pieces=1)
    assert status == 500
    assert len(answering.questions) == 1
    assert (b"content-type", b"application/problem+json") in headers
    assert b"division" not in body
    (record,) = caplog.records
    assert record.route == "/open"
    assert record.exc_info[0] is ZeroDivisionError
