"""Output tensors: the requested outputs as JSON or as binary data, and classifications."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from app.oip.codec.messages import InferRequest
from app.oip.codec.metadata import OUTPUT_TENSORS
from app.oip.codec.tensors import classify, to_bytes, to_outputs
from app.predictor import Predictions

batch_sizes = st.integers(1, 16)


def create_request(outputs=None, parameters=None):
    """Create a request for some outputs, with parameters for all of them."""
    tensor = {"name": "pixels", "datatype": "FP32", "shape": [1, 64], "data": []}
    return InferRequest.model_validate({"inputs": [tensor], "outputs": outputs, "parameters": parameters})


@pytest.fixture
def predictions():
    """Predictions for two images: the first is a 7, and all digits are equally probable for the second."""
    probabilities = np.zeros((2, 10), np.float32)
    probabilities[0, 7], probabilities[0, 1] = 0.75, 0.25
    probabilities[1] = 0.1
    return Predictions(np.array([7, 0]), probabilities)


def test_request_without_outputs_gets_both_outputs_as_json(predictions):
    outputs, binary_data = to_outputs(predictions, create_request())
    assert binary_data == b""
    assert outputs == [
        {"name": "digit", "shape": [2], "datatype": "INT64", "data": [7, 0]},
        {
            "name": "probabilities",
            "shape": [2, 10],
            "datatype": "FP32",
            "data": predictions.probabilities.ravel().tolist(),
        },
    ]


def test_outputs_agree_with_the_model_metadata(predictions):
    outputs, _ = to_outputs(predictions, create_request())
    actual = [(output["name"], output["datatype"], [-1, *output["shape"][1:]]) for output in outputs]
    assert actual == [tuple(description.values()) for description in OUTPUT_TENSORS]


@pytest.mark.parametrize("names", [["digit"], ["probabilities", "digit"], ["probabilities"]])
def test_outputs_are_the_requested_ones_in_the_requested_order(predictions, names):
    outputs, _ = to_outputs(predictions, create_request(outputs=[{"name": name} for name in names]))
    assert [output["name"] for output in outputs] == names


@pytest.mark.parametrize("request_parameter", [None, False, True])
@pytest.mark.parametrize("digit_parameter", [None, False, True])
def test_parameter_of_one_output_overrides_the_parameter_of_the_request(
    predictions, request_parameter, digit_parameter
):
    outputs = [{"name": "digit", "parameters": {"binary_data": digit_parameter}}, {"name": "probabilities"}]
    request = create_request(outputs=outputs, parameters={"binary_data_output": request_parameter})
    digit, probabilities = to_outputs(predictions, request)[0]
    assert ("data" in digit) != (request_parameter if digit_parameter is None else digit_parameter or False)
    assert ("data" in probabilities) != (request_parameter or False)


def test_binary_outputs_have_the_order_of_the_outputs(predictions):
    outputs, binary_data = to_outputs(predictions, create_request(parameters={"binary_data_output": True}))
    assert [output["parameters"]["binary_data_size"] for output in outputs] == [16, 80]
    assert struct.unpack("<2q", binary_data[:16]) == (7, 0)
    assert list(struct.unpack("<20f", binary_data[16:])) == predictions.probabilities.ravel().tolist()


@given(
    probabilities=hnp.arrays(
        np.float32, st.tuples(batch_sizes, st.just(10)), elements={"min_value": 0, "max_value": 1}
    ),
    count=st.integers(1, 20),
)
def test_classify_agrees_with_sorting_in_python(probabilities, count):
    classes = classify(probabilities, count)
    assert classes.shape == (len(probabilities), min(count, 10))
    for image, texts in zip(probabilities.tolist(), classes.tolist(), strict=True):
        best = sorted(range(10), key=lambda digit: (-image[digit], digit))[:count]
        assert [text.split(":")[1:] for text in texts] == [[str(digit)] * 2 for digit in best]
        values = [np.float32(text.split(":")[0]) for text in texts]
        assert values == [image[digit] for digit in best]


def test_classification_output_is_text_in_json_and_length_prefixed_bytes_in_binary(predictions):
    parameters = {"classification": 2}
    outputs = [{"name": "probabilities", "parameters": parameters}]
    (output,), binary_data = to_outputs(predictions, create_request(outputs=outputs))
    assert (output["datatype"], output["shape"], binary_data) == ("BYTES", [2, 2], b"")
    expected = ["0.75:7:7", "0.25:1:1", "0.100000001:0:0", "0.100000001:1:1"]
    assert output["data"] == expected
    parameters["binary_data"] = True
    (output,), binary_data = to_outputs(predictions, create_request(outputs=outputs))
    assert binary_data == b"".join(struct.pack("<I", len(text)) + text.encode() for text in expected)
    assert output["parameters"] == {"binary_data_size": len(binary_data)}


@pytest.mark.parametrize("dtype", ["<i8", ">i8", "<f4", ">f4"])
def test_to_bytes_is_little_endian_for_every_byte_order(dtype):
    assert to_bytes(np.array([1], dtype)) == to_bytes(np.array([1], dtype.replace(">", "<")))
