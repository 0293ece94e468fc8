"""The shortcut answers what the framework's way answers, and what a slow and separate reading says."""

import asyncio
import json
from itertools import pairwise
from typing import Annotated

import numpy as np
import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError

from app.json_route import MAX_FAULTS, json_route, parse
from app.main import create_app
from app.schemas import (
    EXAMPLE_IMAGE,
    EXAMPLE_ROWS,
    FLAT,
    ROWS,
    BatchRequest,
    FlatImage,
    Prediction,
    PredictRequest,
    RowsImage,
)
from app.settings import Settings
from app.shortcut import Shortcut, shortcuts
from app.telemetry import Telemetry
from model import PIXELS
from tests.app.metrics.test_instruments import requests_to
from tests.app.test_predict import json_values
from tests.conftest import InProcess

pixels = st.floats(0, 16) | st.integers(0, 16)
images = st.lists(pixels, min_size=PIXELS, max_size=PIXELS)
rows = st.lists(st.lists(pixels, min_size=8, max_size=8), min_size=8, max_size=8)
nearly = st.lists(st.lists(json_values, max_size=9) | pixels, max_size=9) | st.lists(
    st.just(0) | json_values, min_size=63, max_size=65
)
anything = images | rows | nearly | json_values
bodies = (
    st.dictionaries(st.sampled_from(["pixels", "image", "images", "x", FLAT, ROWS]), anything, max_size=3)
    | st.fixed_dictionaries({"pixels": anything})
    | st.fixed_dictionaries({"images": st.lists(anything, max_size=4)})
).map(lambda body: json.dumps(body).encode())
content_types = st.sampled_from([b"", b"application/json", b"text/plain", b"x/y+json", b"application/json;a"])


@pytest.fixture(scope="module")
def app(artefact):
    return create_app(artefact, Settings(max_body_bytes=4000, max_batch_rows=3))


def ask(*arguments, **options):
    """Converse, in an event loop of its own."""
    return asyncio.run(converse(*arguments, **options))


async def converse(app, path, body, content_type=b"application/json", *, pieces, root_path=""):
    """Send a body in so many pieces, and give status, headers but for the request's id, and body."""
    cuts = [len(body) * piece // pieces for piece in range(pieces + 1)]
    messages = [
        {"type": "http.request", "body": body[start:end], "more_body": piece < pieces}
        for piece, (start, end) in enumerate(pairwise(cuts), start=1)
    ]
    sent = []

    async def receive():
        return messages.pop(0) if messages else await asyncio.sleep(60)

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "root_path": root_path,
        "path": root_path + path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"content-type", content_type)] if content_type else [],
        "state": {},
    }
    await app(scope, receive, send)
    headers = sorted(header for header in sent[0]["headers"] if header[0] != b"x-request-id")
    return sent[0]["status"], headers, b"".join(message["body"] for message in sent[1:])


@given(bodies | st.binary(max_size=300), content_types)
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_the_same_bytes_get_the_same_answer_in_one_piece_and_in_two(app, path, body, content_type):
    whole = ask(app, path, body, content_type, pieces=1)
    assert whole == ask(app, path, body, content_type, pieces=2)
    assert whole[0] in {200, 413, 415, 422}


def read_slowly(weights, image):
    """Probabilities of one image by sums over Python's floats."""
    signals = [float(pixel) / 16 for pixel in image]
    for layer in (0, 2, 4):
        matrix, bias = weights[layer].tolist(), weights[layer + 1].tolist()
        sums = [
            b + sum(signal * row[unit] for signal, row in zip(signals, matrix, strict=True))
            for unit, b in enumerate(bias)
        ]
        signals = [max(0.0, total) for total in sums] if layer < 4 else sums
    chances = np.exp(np.array(signals) - max(signals))
    return (chances / chances.sum()).tolist()


@given(st.lists(images | rows, min_size=1, max_size=2))
def test_digit_and_probabilities_are_those_of_a_slow_reading(app, artefact, batch):
    _, _, body = ask(app, "/predict/batch", json.dumps({"images": batch}).encode(), pieces=1)
    for image, prediction in zip(batch, json.loads(body)["predictions"], strict=True):
        reference = read_slowly(artefact.network.weights, np.ravel(image))
        assert prediction["probabilities"] == pytest.approx(reference, abs=1e-6)
        assert reference[prediction["digit"]] == pytest.approx(max(reference), abs=1e-6)
        single = ask(app, "/predict", json.dumps({"pixels": image}).encode(), pieces=1)
        assert json.loads(single[2])["probabilities"] == pytest.approx(reference, abs=1e-6)


def layout(image):
    return ROWS if isinstance(image, list) and image and isinstance(image[0], list) else FLAT


TaggedImage = Annotated[
    Annotated[FlatImage, Tag(FLAT)] | Annotated[RowsImage, Tag(ROWS)], Discriminator(layout)
]


class SlowPredictRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    pixels: TaggedImage = PredictRequest.model_fields["pixels"]


class SlowBatchRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    images: Annotated[list[TaggedImage], Field(min_length=1, fail_fast=True)]


def outcome(model, body):
    """What a body is parsed to, or its faults: place and kind of each."""
    try:
        return parse(TypeAdapter(model), body, max_values=1000).model_dump()
    except RequestValidationError as error:
        return [(fault["loc"][1:], fault["type"], fault.get("ctx")) for fault in error.errors()]


def slow_outcome(model, body):
    """The same by pydantic alone."""
    try:
        return TypeAdapter(model).validate_json(body).model_dump()
    except ValidationError as error:
        faults = [(fault["loc"], fault["type"], fault.get("ctx")) for fault in error.errors()]
        return faults if len(faults) <= MAX_FAULTS else [((), "body", None)]


@given(bodies | st.binary(max_size=100))
@pytest.mark.parametrize(
    ("quick", "slow"), [(PredictRequest, SlowPredictRequest), (BatchRequest, SlowBatchRequest)]
)
def test_layouts_tried_in_turn_parse_and_refuse_as_a_choice_made_first(quick, slow, body):
    assert outcome(quick, body) == slow_outcome(slow, body)


@pytest.mark.parametrize("unknown", [18, 19, 20, 21])
def test_an_image_in_neither_layout_counts_once_among_the_faults(unknown):
    body = json.dumps({"pixels": [[]], **dict.fromkeys(map(str, range(unknown)))}).encode()
    assert outcome(PredictRequest, body) == slow_outcome(SlowPredictRequest, body)
    assert len(outcome(PredictRequest, body)) == (unknown + 1 if unknown < 20 else 1)


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


def test_a_client_that_leaves_before_its_body_came_is_counted_as_one(artefact):
    app = create_app(artefact, Settings())
    scope = {"type": "http", "method": "POST", "path": "/predict", "raw_path": b"", "query_string": b""}

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        raise AssertionError(message)

    asyncio.run(app({**scope, "headers": [], "root_path": ""}, receive, send))
    report = InProcess(app).get("/metrics").json()["service"]
    assert [entry["status"] for entry in report["requests_by_answer"] if entry["count"]] == [0]


async def nowhere(scope, *_):
    raise AssertionError(scope)


@pytest.mark.parametrize("field", ["pixels", "image"])
def test_what_is_whole_and_right_never_meets_the_framework(app, field):
    alone = Shortcut(nowhere, shortcuts(app))
    body = json.dumps({field: EXAMPLE_IMAGE}).encode()
    assert ask(alone, "/predict", body, pieces=1) == ask(app, "/predict", body, pieces=2)
    with pytest.raises(AssertionError):
        ask(alone, "/predict", body, pieces=2)


class Question(BaseModel):
    pixels: list[float]


@pytest.fixture
def answering():
    """Routes: one to which a shortcut may lead, one that depends on more, one that is not posted to."""
    router = APIRouter(route_class=json_route(100))

    async def refuse():
        raise AssertionError

    @router.post("/open")
    async def open_route(question: Question) -> Prediction:
        return Prediction(digit=1, probabilities=[1 / pixel for pixel in question.pixels])

    @router.post("/guarded", dependencies=[Depends(refuse)])
    async def guarded(question: Question) -> Prediction:
        return Prediction(digit=2, probabilities=question.pixels)

    @router.get("/asked")
    async def asked(question: Question) -> Prediction:
        return Prediction(digit=3, probabilities=question.pixels)

    return router


def test_it_leads_to_routes_that_need_their_body_alone(app, answering):
    assert set(shortcuts(app)) == {"/predict", "/predict/batch"}
    service = FastAPI()
    service.include_router(answering, prefix="/a")
    service.include_router(answering, prefix="/b", dependencies=[Depends(lambda: None)])
    assert set(shortcuts(service)) == {"/a/open"}


def test_a_route_that_fails_is_a_500_in_the_log_like_any_other(answering, caplog):
    service = FastAPI()
    service.include_router(answering)
    service.add_middleware(Shortcut, routes=shortcuts(service))
    service.add_middleware(Telemetry, requests=requests_to({"/open": {"POST"}}))
    status, headers, body = ask(service, "/open", b'{"pixels": [0]}', pieces=1)
    assert status == 500
    assert (b"content-type", b"application/problem+json") in headers
    assert b"division" not in body
    (record,) = caplog.records
    assert record.route == "/open"
    assert record.exc_info[0] is ZeroDivisionError
