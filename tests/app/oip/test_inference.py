"""Inference requests of the Open Inference Protocol: accepted requests, and their answers."""

import gzip
import json
import zlib

import numpy as np
import pytest

from app.api.schemas import EXAMPLE_IMAGE, EXAMPLE_ROWS
from tests.hostile import HEADER, INFER

TENSOR_FIELDS = {"name": "pixels", "shape": [1, 64], "datatype": "FP32"}


def inputs(data=EXAMPLE_IMAGE, batch_size=1):
    """Create the inputs of a request: one tensor whose numbers are in the JSON."""
    return [{**TENSOR_FIELDS, "shape": [batch_size, 64], "data": data}]


@pytest.fixture
def infer(client):
    """Send the JSON of an inference request, and the binary data behind it, without a Content-Type."""

    def send(message, binary_data=b"", **headers):
        json_part = json.dumps(message).encode()
        if binary_data:
            headers[HEADER] = str(len(json_part))
        return client.post(INFER, content=json_part + binary_data, headers=headers)

    return send


@pytest.mark.parametrize("path", [INFER, "/v2/models/digits/versions/3/infer"])
def test_inference_agrees_with_predict_batch(client, split, path):
    images = split.training.pixels[:50]
    reply = client.post(path, json={"inputs": inputs(images.ravel().tolist(), 50)})
    assert reply.headers["content-type"] == "application/json"
    assert HEADER not in reply.headers
    answer = reply.json()
    assert (answer["model_name"], answer["model_version"]) == ("digits", "3")
    assert "id" not in answer
    digit, probabilities = answer["outputs"]
    predictions = client.post("/predict/batch", json={"images": images.tolist()}).json()["predictions"]
    assert digit["data"] == [prediction["digit"] for prediction in predictions]
    expected = np.array([prediction["probabilities"] for prediction in predictions])
    assert np.array(probabilities["data"]).reshape(50, 10) == pytest.approx(expected, abs=1e-6)


def test_binary_input_may_have_one_binary_output_and_one_json_output(infer):
    tensor = {**TENSOR_FIELDS, "datatype": "UINT8", "parameters": {"binary_data_size": 64}}
    outputs = [{"name": "probabilities", "parameters": {"binary_data": True}}, {"name": "digit"}]
    reply = infer({"inputs": [tensor], "outputs": outputs}, bytes(EXAMPLE_IMAGE))
    assert reply.headers["content-type"] == "application/octet-stream"
    json_length = int(reply.headers[HEADER])
    probabilities, digit = json.loads(reply.content[:json_length])["outputs"]
    assert probabilities["parameters"] == {"binary_data_size": 40}
    assert "data" not in probabilities
    assert digit == {"name": "digit", "shape": [1], "datatype": "INT64", "data": [3]}
    assert np.frombuffer(reply.content[json_length:], "<f4").argmax() == 3


def test_raw_binary_request_gets_binary_outputs(client):
    body = np.array(EXAMPLE_IMAGE * 2, "<f4").tobytes()
    reply = client.post(INFER, content=body, headers={HEADER: "0"})
    json_length = int(reply.headers[HEADER])
    assert np.frombuffer(reply.content[json_length:], "<i8", count=2).tolist() == [3, 3]


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate"])
def test_header_length_of_compressed_request_counts_decompressed_bytes(client, coding):
    json_part = json.dumps({"inputs": [{**TENSOR_FIELDS, "parameters": {"binary_data_size": 256}}]}).encode()
    body = json_part + np.array(EXAMPLE_IMAGE, "<f4").tobytes()
    body = zlib.compress(body) if coding == "deflate" else gzip.compress(body)
    headers = {"Content-Encoding": coding, HEADER: str(len(json_part))}
    reply = client.post(INFER, content=body, headers=headers)
    assert reply.json()["outputs"][0]["data"] == [3]


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity"])
def test_reply_has_the_content_coding_that_the_client_accepts(infer, coding):
    message = {"inputs": inputs(), "parameters": {"binary_data_output": True}}
    plain = infer(message, **{"Accept-Encoding": "identity"})
    reply = infer(message, **{"Accept-Encoding": coding})
    assert reply.headers.get("content-encoding", "identity") == coding
    assert reply.headers["vary"] == "Accept-Encoding"
    assert reply.headers[HEADER] == plain.headers[HEADER]
    assert reply.content == plain.content  # httpx has decompressed it


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "nonsense"])
def test_inference_accepts_every_content_type_and_none(infer, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert infer({"inputs": inputs()}, **headers).status_code == 200


def test_reply_repeats_the_id_unless_it_is_null(infer):
    assert infer({"inputs": inputs(), "id": "a-é-1"}).json()["id"] == "a-é-1"
    assert infer({"inputs": inputs(), "id": ""}).json()["id"] == ""
    assert "id" not in infer({"inputs": inputs(), "id": None}).json()


@pytest.mark.parametrize("outputs", [None, []])
def test_request_without_outputs_gets_all_outputs(infer, outputs):
    reply = infer({"inputs": inputs(), "outputs": outputs, "parameters": None})
    assert [output["name"] for output in reply.json()["outputs"]] == ["digit", "probabilities"]


@pytest.mark.parametrize("fields", [{}, {"data": EXAMPLE_IMAGE}])
def test_tensor_in_shared_memory_gets_a_501(infer, fields):
    tensor = {**TENSOR_FIELDS, **fields, "parameters": {"shared_memory_region": "region"}}
    reply = infer({"inputs": [tensor]})
    assert reply.status_code == 501
    assert reply.json() == {"error": "Shared memory is not supported; tensors travel in the body."}


def test_fields_and_parameters_of_other_servers_are_ignored(infer):
    message = {
        "model_name": "digits",
        "inputs": [{**inputs()[0], "parameters": {"content_type": "np"}, "x": []}],
        "outputs": [{"name": "digit", "parameters": None}],
        "parameters": {"priority": 3, "timeout": 7, "sequence_id": "s"},
    }
    assert infer(message).json()["outputs"][0]["data"] == [3]


def test_batch_over_the_limit_gets_an_error_that_names_the_limit(make_client):
    client = make_client(max_batch_rows=2)
    for batch_size, status in ((2, 200), (3, 400)):
        message = {"inputs": inputs(EXAMPLE_IMAGE * batch_size, batch_size)}
        reply = client.post(INFER, json=message)
        assert reply.status_code == status
    assert reply.json() == {"error": "inputs[0].shape must be [B, 64] for B images, with B from 1 to 2"}


def test_largest_batch_in_the_widest_datatype_fits_in_a_body(infer):
    size = 1024 * 64 * 8
    tensor = {**TENSOR_FIELDS, "shape": [1024, 64], "datatype": "FP64", "parameters": {"binary_data_size": size}}
    reply = infer({"inputs": [tensor]}, np.tile(np.array(EXAMPLE_IMAGE, "<f8"), 1024).tobytes())
    assert reply.json()["outputs"][0]["data"] == [3] * 1024


@pytest.mark.parametrize("data", [EXAMPLE_ROWS, [EXAMPLE_ROWS], [[[[EXAMPLE_IMAGE]]]]])
def test_lists_of_any_depth_get_the_reply_of_one_list(infer, data):
    assert infer({"inputs": inputs(data)}).json() == infer({"inputs": inputs(EXAMPLE_IMAGE)}).json()


@pytest.mark.parametrize(("size", "status"), [(2000, 400), (2001, 413)])
def test_decompressed_body_has_the_same_limit_as_a_body(make_client, size, status):
    body = gzip.compress(b" " * size)
    client = make_client(max_body_bytes=2000)
    reply = client.post(INFER, content=body, headers={"Content-Encoding": "gzip"})
    assert reply.status_code == status
    assert (reply.json()["error"] == "The decompressed body must be at most 2000 bytes.") == (status == 413)


@pytest.mark.parametrize(
    ("name", "values", "status"),
    [
        ("Content-Encoding", ("identity", "gzip"), 501),
        ("Content-Encoding", ("gzip", "gzip"), 501),
        (HEADER, ("2", "0"), 400),
    ],
)
def test_two_header_lines_count_as_one_value_with_a_comma(client, name, values, status):
    headers = [(name, value) for value in values]
    assert client.post(INFER, content=gzip.compress(b"{}"), headers=headers).status_code == status


def test_accept_encoding_may_have_two_header_lines(client):
    headers = [("Accept-Encoding", "br"), ("Accept-Encoding", "deflate")]
    reply = client.post(INFER, json={"inputs": inputs()}, headers=headers)
    assert reply.headers["content-encoding"] == "deflate"


def test_chunked_body_is_accepted(client):
    async def chunks():
        for byte in json.dumps({"inputs": inputs()}).encode():
            yield bytes([byte])

    assert client.post(INFER, content=chunks()).json()["outputs"][0]["data"] == [3]


@pytest.mark.parametrize("path", [INFER, "/v2/repository/index"])
def test_chunked_body_over_the_limit_is_rejected_while_it_arrives(make_client, path):
    async def chunks():
        for _ in range(3):
            yield bytes(1000)

    reply = make_client(max_body_bytes=2000).post(path, content=chunks())
    assert reply.status_code == 413
    assert reply.json() == {"error": "The body must be at most 2000 bytes."}
