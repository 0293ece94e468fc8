"""Checks of answers: properties that the answer to every input has."""

import gzip
import json
import zlib
from collections.abc import Callable

import numpy as np

from app.http.json_body import BYTE_ORDER_MARK
from app.oip.codec.tensors import DTYPES
from model import PIXELS
from tests.fuzzing.service import ARTEFACT
from tests.hostile import HEADER, SENT_TEXT

JSON_LENGTH = HEADER.lower().encode()
PROBLEM_FIELDS = {"type", "title", "status", "detail"}
MAX_NAME_LENGTH = 40  # characters of a field name that an error may quote
DECOMPRESS: dict[bytes, Callable[[bytes], bytes]] = {b"gzip": gzip.decompress, b"deflate": zlib.decompress}
KINDS = {"INT64": "<i8", "FP32": "<f4"}  # datatype of an output → dtype


def check_head(answer, *statuses):
    """Check the status of an answer, and the headers that each answer has."""
    assert answer.status in statuses, f"status {answer.status}: {answer.body[:500]!r}"
    assert int(answer.headers[b"content-length"]) == len(answer.body)
    assert answer.headers[b"x-request-id"]


def check_problem(answer):
    """Check a problem document: its fields, and that it does not repeat a sent value."""
    assert answer.headers[b"content-type"] == b"application/problem+json"
    problem = json.loads(answer.body)
    assert problem["status"] == answer.status
    assert problem["type"].startswith("urn:digits:problem:")
    assert all(problem[field] for field in PROBLEM_FIELDS)
    assert set(problem) - {"errors"} == PROBLEM_FIELDS
    assert ("errors" in problem) == (answer.status == 422)
    detail = problem["detail"]
    for error in problem.get("errors", ()):
        assert set(error) == {"loc", "msg"}
        assert error["loc"][0] == "body"
        assert all(isinstance(part, int) or len(part) <= MAX_NAME_LENGTH for part in error["loc"])
        assert SENT_TEXT not in error["msg"]
    if answer.status == 422:  # only the location, which precedes the message, may have a name that was sent
        detail = detail[detail.rindex(problem["errors"][0]["msg"]) :]
    assert SENT_TEXT not in detail


def check_oip_error(answer):
    """Check an error of the Open Inference Protocol: its only field, and that it does not repeat a sent value."""
    assert answer.headers[b"content-type"] == b"application/json"
    error = json.loads(answer.body)
    assert set(error) == {"error"}
    assert error["error"]
    assert SENT_TEXT not in error["error"]


def check_prediction(prediction):
    """Check the digit and the probabilities of one image."""
    digit, probabilities = prediction["digit"], prediction["probabilities"]
    assert type(digit) is int
    assert len(probabilities) == 10
    check_probabilities(np.array([probabilities]), [digit])


def check_probabilities(probabilities, digits):
    """Check probabilities, shape (B, 10), and that each digit is the most probable one."""
    assert probabilities.min() >= 0
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert probabilities.argmax(axis=1).tolist() == list(digits)


def check_agreement(probabilities, images):
    """Compare probabilities with those of the network for images as Python's own parser has read them."""
    pixels = np.array(images, np.float64).reshape(-1, PIXELS)
    assert ((pixels >= 0) & (pixels <= 16)).all()
    expected = ARTEFACT.network.probabilities(pixels.astype(np.float32))
    assert np.allclose(np.array(probabilities), expected, atol=1e-5)


def check_batch(images, reply):
    """Check the reply to a body with one image or several images."""
    predictions = reply.get("predictions", [reply])
    for prediction in predictions:
        check_prediction(prediction)
    pixels = [np.ravel(image) for image in images]  # each image is in one of two formats
    check_agreement([prediction["probabilities"] for prediction in predictions], pixels)


def find_images(body, *fields):
    """Find the images in a body, with Python's own parser and without the schema of the service.

    Args:
        body: The body, or None if its content coding is invalid.
        fields: Names of which the body must have exactly one; `images` has several images.
    Returns:
        The images, or None if the body is invalid.
    """
    try:
        request = read_json(body)
        ((name, value),) = request.items()
    except (ValueError, RecursionError, AttributeError):
        return None
    images = value if name == "images" else [value]
    is_valid = name in fields and isinstance(images, list) and 1 <= len(images) <= 1024 and all(map(is_image, images))
    return images if is_valid else None


def is_image(value):
    """Return True for 64 numbers from 0 to 16, in one list or in 8 lists."""
    rows = value if isinstance(value, list) and len(value) == 8 else [value]
    if not all(isinstance(row, list) and len(row) == PIXELS // len(rows) for row in rows):
        return False
    return all(type(number) is float and 0 <= number <= 16 for row in rows for number in row)


def read_json(body):
    """Read JSON with Python's own parser; integers become floats, because Python raises an error for a long one."""
    return json.loads((body or b"").removeprefix(BYTE_ORDER_MARK).decode(), parse_int=float)


def read_inference(answer):
    """Read a reply to an inference request.

    Args:
        answer: The answer, with the status 200.
    Returns:
        The JSON, and the value of each output by its name: an array, or a list of texts.
    """
    coding = answer.headers.get(b"content-encoding")
    body = DECOMPRESS[coding](answer.body) if coding else answer.body
    length = int(answer.headers.get(JSON_LENGTH, len(body)))
    reply, rest, values = json.loads(body[:length]), body[length:], {}
    assert (b"octet-stream" in answer.headers[b"content-type"]) == bool(rest)
    for output in reply["outputs"]:
        data = output.get("data")
        if data is None:
            size = output["parameters"]["binary_data_size"]
            data, rest = read_binary(rest[:size], output["datatype"]), rest[size:]
        assert len(data) == np.prod(output["shape"])
        values[output["name"]] = data if output["datatype"] == "BYTES" else np.reshape(data, output["shape"])
    assert not rest
    return reply, values


def read_binary(data, datatype):
    """Read the bytes of an output: numbers, or texts that each follow their length in four bytes."""
    if datatype in KINDS:
        return np.frombuffer(data, KINDS[datatype])
    texts = []
    while data:
        end = 4 + int.from_bytes(data[:4], "little")
        texts.append(data[4:end].decode())
        data = data[end:]
    return texts


def find_tensor(json_part, binary_data):
    """Find the images in a valid inference request, with Python's own parser.

    Args:
        json_part: The JSON; if it is empty, the whole body is one FP32 tensor.
        binary_data: The bytes behind the JSON.
    Returns:
        The images, shape (B, 64).
    """
    if not json_part:
        return np.frombuffer(binary_data, "<f4").reshape(-1, PIXELS)
    (tensor,) = read_json(json_part)["inputs"]
    values = tensor.get("data")
    if values is None:
        return np.frombuffer(binary_data, DTYPES[tensor["datatype"]]).reshape([int(side) for side in tensor["shape"]])
    while isinstance(values[0], list):
        values = [value for part in values for value in part]
    assert not binary_data
    assert {type(value) for value in values} == {float}
    return np.array(values).reshape([int(side) for side in tensor["shape"]])


def check_inference(answer, images):
    """Check a reply to an inference request.

    Args:
        answer: The answer, with the status 200.
        images: The images that were sent, shape (B, 64).
    """
    assert images.shape[1:] == (PIXELS,)
    _, values = read_inference(answer)
    probabilities, digits = values.get("probabilities"), values.get("digit")
    if isinstance(probabilities, list):
        expected = ARTEFACT.network.probabilities(images.astype(np.float32))
        parts = [text.split(":") for text in probabilities]
        assert len(parts) % len(images) == 0
        for place, (value, index, label) in enumerate(parts):
            image = place // (len(parts) // len(images))
            assert index == label
            assert abs(float(value) - expected[image, int(index)]) < 1e-5
    elif probabilities is not None:
        check_probabilities(probabilities, probabilities.argmax(axis=1) if digits is None else digits)
        check_agreement(probabilities, images)
    assert digits is None or (digits.shape == images.shape[:1] and set(digits.tolist()) <= set(range(10)))
