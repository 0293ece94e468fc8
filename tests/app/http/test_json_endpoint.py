"""A JSON endpoint gives the same answer to the same bytes, however they arrive, and rejects a body over its limit."""

import asyncio
import json
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from app.main import create_app
from app.settings import Settings
from tests.asgi import JSON, body_messages, call, call_without_body, post, post_async, read_answer, request_scope
from tests.hostile import HEADER, INFER, binary_tensor, message
from tests.json_endpoints import TEMPLATES, VALID_BODIES, VERSION_INFER
from tests.reference import slow_probabilities
from tests.strategies import flat_images, images_of_rows, inference_bodies, prediction_bodies

MAX_BYTES = 100_000
TOO_LARGE = "The body must be at most 100000 bytes."
BLANKS = b" " * 5000  # JSON may end with blanks; with these, every body is longer than 4 KiB
HTML = (b"content-type", b"text/html")
TRACEPARENT = (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

content_types = st.sampled_from(
    [b"", b"application/json", b"text/plain", b"x/y+json", b"application/json;\xe9", b"APPLICATION/JSON"]
)
parents = st.sampled_from([(), (TRACEPARENT,)])
cut_positions = st.lists(st.integers(0, 400) | st.integers(0, 6000), max_size=4)


def create_traced_app(artefact, sampler):
    provider = None if sampler is None else TracerProvider(sampler, shutdown_on_exit=False)
    return create_app(artefact, Settings(max_body_bytes=MAX_BYTES, max_batch_rows=3), tracer_provider=provider)


@pytest.fixture(scope="module")
def apps(artefact):
    """The same service without tracing, with tracing, and with tracing of which no request is sampled."""
    samplers = {"untraced": None, "sampled": ALWAYS_ON, "unsampled": ALWAYS_OFF}
    return {name: create_traced_app(artefact, sampler) for name, sampler in samplers.items()}


@pytest.fixture(params=["untraced", "sampled", "unsampled"])
def app(apps, request):
    return apps[request.param]


def answers_to_every_delivery(apps, path, body, content_type, headers=(), cuts=()):
    """Send the same body in every way: whole and in chunks, with and without its length, traced and not."""

    async def send_all():
        valid_cuts = [min(cut, len(body)) for cut in cuts]
        return [
            await post_async(app, path, body, content_type, cuts=chosen_cuts, has_length=has_length, headers=headers)
            for app, has_length, chosen_cuts in product(apps.values(), (True, False), ([], valid_cuts))
        ]

    answers = asyncio.run(asyncio.wait_for(send_all(), 60))
    assert len(answers) == 12
    return answers


@pytest.mark.parametrize("path", TEMPLATES)
def test_valid_body_gets_the_same_prediction_however_it_is_delivered(apps, path):
    first, *others = answers_to_every_delivery(apps, path, VALID_BODIES[path], b"application/json", cuts=[0, 9, 9, 40])
    assert others == [first] * 11
    assert first[0] == 200


@settings(max_examples=30)
@given(st.data(), content_types, cut_positions, parents)
@pytest.mark.parametrize("path", ["/predict", "/predict/batch", INFER])
def test_answer_is_the_same_however_the_body_is_delivered_and_padded(apps, path, data, content_type, cuts, parent):
    body = data.draw(inference_bodies if path == INFER else prediction_bodies)
    first, *others = [
        answer
        for padded in (body, body + BLANKS)
        for answer in answers_to_every_delivery(apps, path, padded, content_type, parent, cuts)
    ]
    assert others == [first] * 23
    assert first[0] in ({200, 400} if path == INFER else {200, 415, 422})


@settings(max_examples=20)
@given(st.binary(max_size=300), content_types, cut_positions, st.sampled_from([b"", BLANKS]))
@pytest.mark.parametrize("path", ["/predict", "/predict/batch", INFER])
def test_answer_to_any_bytes_is_the_same_however_they_are_delivered(apps, path, body, content_type, cuts, padding):
    first, *others = answers_to_every_delivery(apps, path, body + padding, content_type, cuts=cuts)
    assert others == [first] * 11


@settings(max_examples=20)
@given(flat_images, cut_positions, st.sampled_from([b"application/octet-stream", b""]))
def test_answer_to_binary_data_is_the_same_however_the_body_is_delivered(apps, image, cuts, content_type):
    json_part = json.dumps(message(binary_tensor(256))).encode()
    headers = [(HEADER.lower().encode(), b"%d" % len(json_part))]
    body = json_part + np.array(image, "<f4").tobytes()
    first, *others = answers_to_every_delivery(apps, INFER, body, content_type, headers, cuts)
    assert others == [first] * 11
    assert first[0] == 200


@given(st.lists(flat_images | images_of_rows, min_size=1, max_size=2))
@settings(max_examples=25)
def test_predictions_equal_those_of_a_slow_reference(apps, artefact, images):
    app = apps["untraced"]
    _, _, body = post(app, "/predict/batch", json.dumps({"images": images}).encode())
    for image, prediction in zip(images, json.loads(body)["predictions"], strict=True):
        reference = slow_probabilities(artefact.network.weights, np.ravel(image))
        assert prediction["probabilities"] == pytest.approx(reference, abs=1e-6)
        assert reference[prediction["digit"]] == pytest.approx(max(reference), abs=1e-6)
        _, _, single = post(app, "/predict", json.dumps({"pixels": image}).encode())
        assert json.loads(single)["probabilities"] == pytest.approx(reference, abs=1e-6)


@pytest.mark.parametrize("has_length", [True, False])
@pytest.mark.parametrize("cuts", [[], [0, 0, 5000, MAX_BYTES]])
@pytest.mark.parametrize("path", TEMPLATES)
def test_limit_of_a_body_is_exact(app, path, cuts, has_length):
    for size, status in ((MAX_BYTES, 200), (MAX_BYTES + 1, 413)):
        assert post(app, path, VALID_BODIES[path].ljust(size), cuts=cuts, has_length=has_length)[0] == status


def length(size):
    return b"content-length", b"%d" % size


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([JSON, length(MAX_BYTES + 1)], 413),
        ([JSON, length(10**18 - 1)], 413),
        ([HTML, length(MAX_BYTES + 1)], 413),  # before the 415 that also applies
        ([HTML, length(9)], 415),
        ([HTML, JSON, length(9)], 415),
        ([HTML], 415),
    ],
)
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_unacceptable_head_is_rejected_before_the_body_is_received(app, path, headers, status):
    assert call_without_body(app, request_scope(path, *headers))[0] == status


@pytest.mark.parametrize("root_path", ["", "/digits"])
@pytest.mark.parametrize(
    ("path", "size", "status", "error"),
    [
        (INFER, MAX_BYTES + 1, 413, TOO_LARGE),
        (VERSION_INFER, MAX_BYTES + 1, 413, TOO_LARGE),
        ("/v2/models/other/infer", 9, 404, "There is no such model; there is digits."),
        ("/v2/models/other/versions/3/infer", 9, 404, "There is no such model; there is digits."),
        ("/v2/models/digits/versions/1/infer", 9, 404, "There is no such version of digits; there is 3."),
    ],
)
def test_unacceptable_inference_is_rejected_before_its_body_is_received(app, path, size, status, error, root_path):
    received, _, body = call_without_body(app, request_scope(path, length(size), root_path=root_path))
    assert (received, json.loads(body)) == (status, {"error": error})


@pytest.mark.parametrize("path", TEMPLATES)
def test_message_without_a_body_is_an_empty_body(app, path):
    empty = read_answer(call(app, request_scope(path, JSON), body_messages(b"")))
    assert read_answer(call(app, request_scope(path, JSON), [{"type": "http.request"}])) == empty
    assert empty[0] == (400 if path.startswith("/v2") else 422)
