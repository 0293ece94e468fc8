"""What was made to break an inference server is refused in words, and nothing it sent is repeated."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.schemas import EXAMPLE_IMAGE
from model import PIXELS
from tests.hostile import BINARY, CODINGS, HEADER, INFER, MESSAGES, message, tensor
from tests.hostile import SENT_TEXT as MARK
from tests.hostile import binary_tensor as behind


def refused(reply, status, place):
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/json"
    assert list(reply.json()) == ["error"]
    assert place in reply.json()["error"]
    assert MARK not in reply.text
    assert len(reply.text) < 300


@pytest.mark.parametrize("name", MESSAGES)
def test_a_hostile_message_is_refused(client, name):
    body, place = MESSAGES[name]
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    refused(client.post(INFER, content=body), 400, place)


@pytest.mark.parametrize("name", BINARY)
def test_a_hostile_tensor_behind_the_json_is_refused(client, name):
    body, length, place = BINARY[name]
    headers = {} if length is None else {HEADER: str(length)}
    refused(client.post(INFER, content=body, headers=headers), 400, place)


@pytest.mark.parametrize("name", CODINGS)
def test_a_hostile_coding_is_refused(client, name):
    body, coding, status, place = CODINGS[name]
    refused(client.post(INFER, content=body, headers={"Content-Encoding": coding}), status, place)


@pytest.mark.parametrize("path", [INFER, "/v2/repository/index"])
def test_a_body_over_the_limit_is_refused(make_client, path):
    reply = make_client(max_body_bytes=2000).post(path, content=b" " * 2001)
    refused(reply, 413, "The body must be at most 2000 bytes.")


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["pixels", "digit", "probabilities", "FP32", "UINT8", 64, 1, 256])
)
keys = st.sampled_from(
    [
        *("id", "parameters", "inputs", "outputs", "name", "shape", "datatype", "data"),
        *("binary_data", "binary_data_size", "binary_data_output", "classification", "shared_memory_region"),
    ]
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6), max_leaves=30
)


@st.composite
def nearly_right(draw):
    """A sound message of which some values, somewhere, are replaced."""
    whole = message(
        tensor(parameters={}, data=list(EXAMPLE_IMAGE)),
        id="a",
        outputs=[{"name": "probabilities", "parameters": {"classification": 2, "binary_data": True}}],
        parameters={"binary_data_output": True},
    )
    for _ in range(draw(st.integers(1, 3))):
        place, key = draw_place(draw, whole)
        place[key] = draw(values)
    return whole


def draw_place(draw, node):
    """Walk from a message down to one of its values."""
    key = draw(st.sampled_from(list(node) if isinstance(node, dict) else range(len(node))))
    if isinstance(node[key], dict | list) and node[key] and draw(st.booleans()):
        return draw_place(draw, node[key])
    return node, key


def answered_or_refused(reply):
    assert reply.status_code in {200, 400, 413, 501}
    if reply.status_code == 200:
        length = int(reply.headers.get(HEADER, len(reply.content)))
        outputs = json.loads(reply.content[:length])["outputs"]
        sizes = [output.get("parameters", {}).get("binary_data_size", 0) for output in outputs]
        assert length + sum(sizes) == len(reply.content)
    else:
        assert list(reply.json()) == ["error"]


@given(body=values | nearly_right(), tail=st.binary(max_size=300), has_header=st.booleans())
def test_any_structure_is_answered_or_refused(client, body, tail, has_header):
    head = json.dumps(body).encode()
    headers = {HEADER: str(len(head))} if has_header else {}
    answered_or_refused(client.post(INFER, content=head + tail, headers=headers))


@given(
    body=st.binary(max_size=600),
    length=st.none() | st.integers(-2, 700),
    coding=st.sampled_from(["", "gzip", "deflate", "br"]),
)
def test_any_bytes_are_answered_or_refused(client, body, length, coding):
    headers = {"Content-Encoding": coding, **({} if length is None else {HEADER: str(length)})}
    answered_or_refused(client.post(INFER, content=body, headers=headers))


LETTERS = {"UINT8": "B", "INT16": "h", "UINT64": "Q", "FP16": "e", "FP32": "f", "FP64": "d"}  # of struct


@given(
    rows=st.integers(1, 4),
    datatype=st.sampled_from(list(LETTERS)),
    how=st.sampled_from(["flat", "nested", "binary"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_whatever_way_a_tensor_travels_the_answer_is_that_of_predict(client, rows, datatype, how, seed):
    images = np.random.default_rng(seed).integers(0, 17, (rows, PIXELS))
    fields, tail = {"shape": [rows, PIXELS], "datatype": datatype}, b""
    if how == "binary":
        tail = struct.pack(f"<{images.size}{LETTERS[datatype]}", *images.ravel().tolist())
        head = json.dumps(message(behind(len(tail), **fields))).encode()
    else:
        data = images.tolist() if how == "nested" else images.ravel().tolist()
        head = json.dumps(message(tensor(data=data, **fields))).encode()
    headers = {HEADER: str(len(head))} if tail else {}
    digit, probabilities = client.post(INFER, content=head + tail, headers=headers).json()["outputs"]
    batch = client.post("/predict/batch", json={"images": images.tolist()}).json()["predictions"]
    assert digit["data"] == [prediction["digit"] for prediction in batch]
    expected = [probability for prediction in batch for probability in prediction["probabilities"]]
    assert probabilities["data"] == pytest.approx(expected, abs=1e-6)
