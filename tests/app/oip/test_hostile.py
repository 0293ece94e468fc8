"""Hostile requests get an error that names the fault and repeats no text of the request."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.schemas import EXAMPLE_IMAGE
from model import PIXELS
from tests.hostile import BINARY, CODINGS, HEADER, INFER, MESSAGES, SENT_TEXT, binary_tensor, message, tensor


def assert_is_error(reply, status, expected_text):
    """Check that a reply is a short error with an expected text, and that it repeats no text of the client."""
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/json"
    assert list(reply.json()) == ["error"]
    assert expected_text in reply.json()["error"]
    assert SENT_TEXT not in reply.text
    assert len(reply.text) < 300


@pytest.mark.parametrize("name", MESSAGES)
def test_hostile_message_is_rejected(client, name):
    body, expected_text = MESSAGES[name]
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert_is_error(client.post(INFER, content=body), 400, expected_text)


@pytest.mark.parametrize("body", [message(tensor(shape=["1"] * 64)), message(tensor(), outputs=[{"name": 1}] * 2)])
def test_only_the_first_error_of_a_list_is_named(client, body):
    assert "more)" not in client.post(INFER, json=body).json()["error"]


@pytest.mark.parametrize("name", BINARY)
def test_hostile_binary_tensor_is_rejected(client, name):
    body, header_length, expected_text = BINARY[name]
    headers = {} if header_length is None else {HEADER: str(header_length)}
    assert_is_error(client.post(INFER, content=body, headers=headers), 400, expected_text)


@pytest.mark.parametrize("name", CODINGS)
def test_hostile_content_coding_is_rejected(client, name):
    body, coding, status, expected_text = CODINGS[name]
    assert_is_error(client.post(INFER, content=body, headers={"Content-Encoding": coding}), status, expected_text)


@pytest.mark.parametrize("path", [INFER, "/v2/repository/index"])
def test_body_over_the_limit_is_rejected(make_client, path):
    reply = make_client(max_body_bytes=2000).post(path, content=b" " * 2001)
    assert_is_error(reply, 413, "The body must be at most 2000 bytes.")


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
def damaged_messages(draw):
    """Draw a valid message in which up to three values are replaced."""
    valid = message(
        tensor(parameters={}, data=list(EXAMPLE_IMAGE)),
        id="a",
        outputs=[{"name": "probabilities", "parameters": {"classification": 2, "binary_data": True}}],
        parameters={"binary_data_output": True},
    )
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw_value_location(draw, valid)
        container[key] = draw(values)
    return valid


def draw_value_location(draw, node):
    """Draw one value of a message; return the object or list that holds it, and its key or index."""
    key = draw(st.sampled_from(list(node) if isinstance(node, dict) else range(len(node))))
    if isinstance(node[key], dict | list) and node[key] and draw(st.booleans()):
        return draw_value_location(draw, node[key])
    return node, key


def assert_is_answer_or_error(reply):
    """Check that a reply is a complete answer, or an error of the protocol."""
    assert reply.status_code in {200, 400, 413, 501}
    if reply.status_code == 200:
        json_length = int(reply.headers.get(HEADER, len(reply.content)))
        outputs = json.loads(reply.content[:json_length])["outputs"]
        binary_sizes = [output.get("parameters", {}).get("binary_data_size", 0) for output in outputs]
        assert json_length + sum(binary_sizes) == len(reply.content)
    else:
        assert list(reply.json()) == ["error"]


@given(value=values | damaged_messages(), binary_data=st.binary(max_size=300), has_header=st.booleans())
def test_any_json_value_gets_an_answer_or_an_error(client, value, binary_data, has_header):
    json_part = json.dumps(value).encode()
    headers = {HEADER: str(len(json_part))} if has_header else {}
    assert_is_answer_or_error(client.post(INFER, content=json_part + binary_data, headers=headers))


@given(
    body=st.binary(max_size=600),
    header_length=st.none() | st.integers(-2, 700),
    coding=st.sampled_from(["", "gzip", "deflate", "br"]),
)
def test_any_bytes_get_an_answer_or_an_error(client, body, header_length, coding):
    headers = {"Content-Encoding": coding, **({} if header_length is None else {HEADER: str(header_length)})}
    assert_is_answer_or_error(client.post(INFER, content=body, headers=headers))


# Datatype → format of Python's struct module.
STRUCT_FORMATS = {"UINT8": "B", "INT16": "h", "UINT64": "Q", "FP16": "e", "FP32": "f", "FP64": "d"}


@given(
    batch_size=st.integers(1, 4),
    datatype=st.sampled_from(list(STRUCT_FORMATS)),
    tensor_format=st.sampled_from(["flat", "nested", "binary"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_tensor_format_gets_the_answer_of_predict_batch(client, batch_size, datatype, tensor_format, seed):
    images = np.random.default_rng(seed).integers(0, 17, (batch_size, PIXELS))
    fields, binary_data = {"shape": [batch_size, PIXELS], "datatype": datatype}, b""
    if tensor_format == "binary":
        binary_data = struct.pack(f"<{images.size}{STRUCT_FORMATS[datatype]}", *images.ravel().tolist())
        json_part = json.dumps(message(binary_tensor(len(binary_data), **fields))).encode()
    else:
        data = images.tolist() if tensor_format == "nested" else images.ravel().tolist()
        json_part = json.dumps(message(tensor(data=data, **fields))).encode()
    headers = {HEADER: str(len(json_part))} if binary_data else {}
    reply = client.post(INFER, content=json_part + binary_data, headers=headers)
    digit, probabilities = reply.json()["outputs"]
    predictions = client.post("/predict/batch", json={"images": images.tolist()}).json()["predictions"]
    assert digit["data"] == [prediction["digit"] for prediction in predictions]
    expected = [probability for prediction in predictions for probability in prediction["probabilities"]]
    assert probabilities["data"] == pytest.approx(expected, abs=1e-6)
