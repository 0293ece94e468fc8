"""An inference: what it takes, and what it answers."""

import gzip
import json
import zlib

import numpy as np
import pytest

from app.api.schemas import EXAMPLE_IMAGE, EXAMPLE_ROWS
from tests.hostile import HEADER, INFER

TENSOR = {"name": "pixels", "shape": [1, 64], "datatype": "FP32"}


def inputs(data=EXAMPLE_IMAGE, rows=1, datatype="FP32"):
    return [{"name": "pixels", "shape": [rows, 64], "datatype": datatype, "data": data}]


@pytest.fixture
def infer(client):
    """Sends the JSON of an inference, and what follows it, without a Content-Type."""

    def send(message, tail=b"", **headers):
        head = json.dumps(message).encode()
        if tail:
            headers[HEADER] = str(len(head))
        return client.post(INFER, content=head + tail, headers=headers)

    return send


@pytest.mark.parametrize("path", [INFER, "/v2/models/digits/versions/2/infer"])
def test_an_inference_agrees_with_predict(client, split, path):
    images = split.training.pixels[:50]
    reply = client.post(path, json={"inputs": inputs(images.ravel().tolist(), 50)})
    assert reply.headers["content-type"] == "application/json"
    assert HEADER not in reply.headers
    answer = reply.json()
    assert (answer["model_name"], answer["model_version"]) == ("digits", "2")
    assert "id" not in answer
    digit, probabilities = answer["outputs"]
    batch = client.post("/predict/batch", json={"images": images.tolist()}).json()["predictions"]
    assert digit["data"] == [prediction["digit"] for prediction in batch]
    expected = np.array([prediction["probabilities"] for prediction in batch])
    assert np.array(probabilities["data"]).reshape(50, 10) == pytest.approx(expected, abs=1e-6)


def test_a_tensor_as_bytes_and_outputs_as_bytes_or_json_mix(infer):
    tensor = {**TENSOR, "datatype": "UINT8", "parameters": {"binary_data_size": 64}}
    outputs = [{"name": "probabilities", "parameters": {"binary_data": True}}, {"name": "digit"}]
    reply = infer({"inputs": [tensor], "outputs": outputs}, bytes(EXAMPLE_IMAGE))
    assert reply.headers["content-type"] == "application/octet-stream"
    length = int(reply.headers[HEADER])
    probabilities, digit = json.loads(reply.content[:length])["outputs"]
    assert probabilities["parameters"] == {"binary_data_size": 40}
    assert "data" not in probabilities
    assert digit == {"name": "digit", "shape": [1], "datatype": "INT64", "data": [3]}
    assert np.frombuffer(reply.content[length:], "<f4").argmax() == 3


def test_a_body_without_json_is_answered_in_bytes(client):
    tail = np.array(EXAMPLE_IMAGE * 2, "<f4").tobytes()
    reply = client.post(INFER, content=tail, headers={HEADER: "0"})
    length = int(reply.headers[HEADER])
    assert np.frombuffer(reply.content[length:], "<i8", count=2).tolist() == [3, 3]


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate"])
def test_a_compressed_request_counts_its_json_uncompressed(client, coding):
    head = json.dumps({"inputs": [{**TENSOR, "parameters": {"binary_data_size": 256}}]}).encode()
    body = head + np.array(EXAMPLE_IMAGE, "<f4").tobytes()
    body = zlib.compress(body) if coding == "deflate" else gzip.compress(body)
    headers = {"Content-Encoding": coding, HEADER: str(len(head))}
    reply = client.post(INFER, content=body, headers=headers)
    assert reply.json()["outputs"][0]["data"] == [3]


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity"])
def test_a_reply_is_compressed_as_the_client_asks(infer, coding):
    parameters = {"binary_data_output": True}
    plain = infer({"inputs": inputs(), "parameters": parameters}, **{"Accept-Encoding": "identity"})
    reply = infer({"inputs": inputs(), "parameters": parameters}, **{"Accept-Encoding": coding})
    assert reply.headers.get("content-encoding", "identity") == coding
    assert reply.headers["vary"] == "Accept-Encoding"
    assert reply.headers[HEADER] == plain.headers[HEADER]
    assert reply.content == plain.content  # httpx undoes the coding


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "nonsense"])
def test_no_content_type_is_needed_and_none_is_refused(infer, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert infer({"inputs": inputs()}, **headers).status_code == 200


def test_an_id_is_returned_as_it_is_and_null_is_none(infer):
    assert infer({"inputs": inputs(), "id": "a-é-1"}).json()["id"] == "a-é-1"
    assert infer({"inputs": inputs(), "id": ""}).json()["id"] == ""
    assert "id" not in infer({"inputs": inputs(), "id": None}).json()


@pytest.mark.parametrize("outputs", [None, []])
def test_no_outputs_means_all(infer, outputs):
    reply = infer({"inputs": inputs(), "outputs": outputs, "parameters": None})
    assert [output["name"] for output in reply.json()["outputs"]] == ["digit", "probabilities"]


@pytest.mark.parametrize("fields", [{}, {"data": EXAMPLE_IMAGE}])
def test_a_tensor_in_shared_memory_is_a_501(infer, fields):
    tensor = {**TENSOR, **fields, "parameters": {"shared_memory_region": "region"}}
    reply = infer({"inputs": [tensor]})
    assert reply.status_code == 501
    assert reply.json() == {"error": "Shared memory is not supported; tensors travel in the body."}


def test_what_other_servers_understand_is_ignored(infer):
    message = {
        "model_name": "digits",
        "inputs": [{**inputs()[0], "parameters": {"content_type": "np"}, "x": []}],
        "outputs": [{"name": "digit", "parameters": None}],
        "parameters": {"priority": 3, "timeout": 7, "sequence_id": "s"},
    }
    assert infer(message).json()["outputs"][0]["data"] == [3]


def test_a_batch_has_a_bound_that_is_said(make_client):
    client = make_client(max_batch_rows=2)
    for rows, status in ((2, 200), (3, 400)):
        message = {"inputs": inputs(EXAMPLE_IMAGE * rows, rows)}
        reply = client.post(INFER, json=message)
        assert reply.status_code == status
    assert reply.json() == {"error": "inputs[0].shape must be [rows, 64], with 1 to 2 rows"}


def test_the_largest_batch_in_the_widest_datatype_fits_in_a_body(infer):
    size = 1024 * 64 * 8
    tensor = {**TENSOR, "shape": [1024, 64], "datatype": "FP64", "parameters": {"binary_data_size": size}}
    reply = infer({"inputs": [tensor]}, np.tile(np.array(EXAMPLE_IMAGE, "<f8"), 1024).tobytes())
    assert reply.json()["outputs"][0]["data"] == [3] * 1024


def test_rows_of_rows_are_not_taken_for_an_image(infer):
    reply = infer({"inputs": inputs(EXAMPLE_ROWS)})
    assert reply.status_code == 400
    assert reply.json() == {"error": "inputs[0].data[0] must have a length of at least 64"}


@pytest.mark.parametrize(("size", "status"), [(2000, 400), (2001, 413)])
def test_what_is_inflated_has_the_bound_of_a_body(make_client, size, status):
    body = gzip.compress(b" " * size)
    client = make_client(max_body_bytes=2000)
    reply = client.post(INFER, content=body, headers={"Content-Encoding": "gzip"})
    assert reply.status_code == status
    assert (reply.json()["error"] == "The inflated body must be at most 2000 bytes.") == (status == 413)


@pytest.mark.parametrize(
    ("name", "values", "status"),
    [
        ("Content-Encoding", ("identity", "gzip"), 501),
        ("Content-Encoding", ("gzip", "gzip"), 501),
        (HEADER, ("2", "0"), 400),
    ],
)
def test_a_header_in_two_lines_is_one_with_a_comma(client, name, values, status):
    headers = [(name, value) for value in values]
    assert client.post(INFER, content=gzip.compress(b"{}"), headers=headers).status_code == status


def test_what_is_accepted_may_stand_in_two_lines(client):
    headers = [("Accept-Encoding", "br"), ("Accept-Encoding", "deflate")]
    reply = client.post(INFER, json={"inputs": inputs()}, headers=headers)
    assert reply.headers["content-encoding"] == "deflate"


def test_a_chunked_body_is_taken(client):
    async def chunks():
        for byte in json.dumps({"inputs": inputs()}).encode():
            yield bytes([byte])

    assert client.post(INFER, content=chunks()).json()["outputs"][0]["data"] == [3]


@pytest.mark.parametrize("path", [INFER, "/v2/repository/index"])
def test_a_chunked_body_is_counted_as_it_arrives(make_client, path):
    async def chunks():
        for _ in range(3):
            yield bytes(1000)

    reply = make_client(max_body_bytes=2000).post(path, content=chunks())
    assert reply.status_code == 413
    assert reply.json() == {"error": "The body must be at most 2000 bytes."}
