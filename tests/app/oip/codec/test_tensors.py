"""Every datatype gives the same pixels; shape, datatype, size and data must agree."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from app.oip.codec.errors import InvalidError, UnsupportedError
from app.oip.codec.messages import InferRequest
from app.oip.codec.metadata import OUTPUT_TENSORS
from app.oip.codec.tensors import (
    DTYPES,
    classify,
    raw_binary_request,
    reject_shared_memory,
    to_bytes,
    to_outputs,
    to_pixels,
)
from app.predictor import Predictions

MAX_ROWS = 16
LETTERS = dict(zip(DTYPES, "BHIQbhiqefd", strict=True))  # of Python's struct
WHOLE = [datatype for datatype in DTYPES if "INT" in datatype]
REAL = ["FP16", "FP32", "FP64"]

rows = st.integers(1, MAX_ROWS)
images = hnp.arrays(np.uint8, st.tuples(rows, st.just(64)), elements=st.integers(0, 16))


def message(*, datatype="FP32", shape=(1, 64), size=None, outputs=None, parameters=None, **fields):
    """A request; `size` says that its tensor is behind the JSON."""
    tensor = {"name": "pixels", "datatype": datatype, "shape": [*shape], **fields}
    tensor["parameters"] = tensor.pop("parameters_of_tensor", {"binary_data_size": size})
    return InferRequest.model_validate({"inputs": [tensor], "outputs": outputs, "parameters": parameters})


def packed(values, datatype):
    """Numbers as bytes, by Python's struct instead of NumPy."""
    cast = float if datatype in REAL else int
    return struct.pack(f"<{values.size}{LETTERS[datatype]}", *map(cast, values.ravel()))


@pytest.mark.parametrize("datatype", DTYPES)
@given(images=images)
def test_bytes_of_every_datatype_give_the_same_pixels(datatype, images):
    tail = packed(images, datatype)
    pixels = to_pixels(message(datatype=datatype, shape=images.shape, size=len(tail)), tail, MAX_ROWS)
    assert pixels.dtype == np.float32
    assert pixels.tolist() == images.tolist()


@pytest.mark.parametrize("datatype", DTYPES)
@given(images=images)
def test_json_flat_or_nested_of_every_datatype_gives_the_same_pixels(datatype, images):
    for data in (images.ravel().tolist(), images.tolist()):
        request = message(datatype=datatype, shape=images.shape, data=data)
        assert to_pixels(request, b"", MAX_ROWS).tolist() == images.tolist()


@pytest.mark.parametrize("datatype", REAL)
@given(values=hnp.arrays(np.float16, (1, 64), elements={"min_value": 0, "max_value": 16}))
def test_fractions_survive(datatype, values):
    tail = packed(values, datatype)
    pixels = to_pixels(message(datatype=datatype, size=len(tail)), tail, MAX_ROWS)
    assert pixels.tolist() == values.tolist()


@pytest.mark.parametrize("datatype", DTYPES)
def test_a_pixel_out_of_bounds_is_named_whatever_its_datatype(datatype):
    values = np.zeros((2, 64))
    values[1, 3] = 17
    request = message(datatype=datatype, shape=(2, 64), size=len(packed(values, datatype)))
    with pytest.raises(InvalidError, match=r"^pixels\[1\]\[3\] must be between 0 and 16$"):
        to_pixels(request, packed(values, datatype), MAX_ROWS)


@pytest.mark.parametrize("datatype", REAL)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.001, 16.01])
def test_nothing_but_a_number_within_the_bounds_passes(datatype, value):
    values = np.zeros((1, 64))
    values[0, 63] = value
    tail = packed(values, datatype)
    with pytest.raises(InvalidError, match=r"pixels\[0\]\[63\]"):
        to_pixels(message(datatype=datatype, size=len(tail)), tail, MAX_ROWS)


@pytest.mark.parametrize("datatype", ["INT8", "INT16", "INT32", "INT64"])
def test_what_is_negative_is_not_taken_for_large(datatype):
    tail = packed(np.full((1, 64), -1), datatype)
    with pytest.raises(InvalidError, match="between 0 and 16"):
        to_pixels(message(datatype=datatype, size=len(tail)), tail, MAX_ROWS)


@pytest.mark.parametrize("datatype", WHOLE)
@pytest.mark.parametrize("value", [0.5, float("nan")])
def test_json_of_a_whole_datatype_holds_whole_numbers(datatype, value):
    with pytest.raises(InvalidError, match="whole numbers"):
        to_pixels(message(datatype=datatype, data=[value] * 64), b"", MAX_ROWS)


@pytest.mark.parametrize(
    "shape", [(64,), (), (0, 64), (-1, 64), (1, 63), (1, 65), (64, 1), (MAX_ROWS + 1, 64), (2**63, 64), (2**200, 64)]
)
def test_a_shape_is_rows_of_64(shape):
    with pytest.raises(InvalidError, match=r"\[rows, 64\], with 1 to 16 rows"):
        to_pixels(message(shape=shape, data=[0] * 64), b"", MAX_ROWS)


@pytest.mark.parametrize("count", [0, 1, 63, 65, 128])
def test_json_has_as_many_numbers_as_its_shape_says(count):
    with pytest.raises(InvalidError, match="must have 64 numbers"):
        to_pixels(message(data=[0] * count), b"", MAX_ROWS)


@pytest.mark.parametrize("count", [0, 2])
def test_nested_json_has_as_many_rows_as_its_shape_says(count):
    with pytest.raises(InvalidError, match="must have 64 numbers"):
        to_pixels(message(data=[[0] * 64] * count), b"", MAX_ROWS)


@pytest.mark.parametrize("size", [0, 1, 255, 257, 2**70])
def test_the_declared_size_is_what_shape_and_datatype_say(size):
    with pytest.raises(InvalidError, match="binary_data_size must be 256"):
        to_pixels(message(size=size), bytes(256), MAX_ROWS)


@pytest.mark.parametrize("length", [0, 255, 257, 512])
def test_the_bytes_behind_the_json_are_as_many_as_declared(length):
    with pytest.raises(InvalidError, match=r"bytes behind the JSON must be 256, as inputs\[0\] says"):
        to_pixels(message(size=256), bytes(length), MAX_ROWS)


def test_no_bytes_follow_a_tensor_that_is_in_the_json():
    with pytest.raises(InvalidError, match="must end after its JSON"):
        to_pixels(message(data=[0] * 64), b"x", MAX_ROWS)


REGION = {"shared_memory_region": "region", "shared_memory_byte_size": 256}


@pytest.mark.parametrize(
    "request_",
    [
        message(parameters_of_tensor=REGION),
        message(parameters_of_tensor=REGION, data=[0] * 64),
        message(data=[0] * 64, outputs=[{"name": "digit", "parameters": REGION}]),
    ],
)
def test_shared_memory_is_unsupported(request_):
    with pytest.raises(UnsupportedError, match="Shared memory"):
        reject_shared_memory(request_)


@given(values=hnp.arrays(np.float32, st.tuples(rows, st.just(64)), elements={"min_value": 0, "max_value": 16}))
def test_a_body_of_bytes_alone_is_one_fp32_tensor(values):
    tail = values.astype("<f4").tobytes()
    request = raw_binary_request(tail)
    assert to_pixels(request, tail, MAX_ROWS).tolist() == values.tolist()
    assert request.parameters.binary_data_output


@pytest.mark.parametrize("length", [0, 1, 255, 257])
def test_a_body_of_bytes_alone_is_whole_rows(length):
    with pytest.raises(InvalidError, match="rows of 64 FP32 numbers, 256 bytes each"):
        raw_binary_request(bytes(length))


@pytest.fixture
def readings():
    probabilities = np.zeros((2, 10), np.float32)
    probabilities[0, 7], probabilities[0, 1] = 0.75, 0.25
    probabilities[1] = 0.1
    return Predictions(np.array([7, 0]), probabilities)


def test_without_a_word_about_outputs_both_are_json(readings):
    outputs, tail = to_outputs(readings, message(data=[]))
    assert tail == b""
    assert outputs == [
        {"name": "digit", "shape": [2], "datatype": "INT64", "data": [7, 0]},
        {
            "name": "probabilities",
            "shape": [2, 10],
            "datatype": "FP32",
            "data": readings.probabilities.ravel().tolist(),
        },
    ]


def test_the_outputs_are_those_that_the_model_is_said_to_give(readings):
    outputs, _ = to_outputs(readings, message(data=[]))
    given = [(output["name"], output["datatype"], [-1, *output["shape"][1:]]) for output in outputs]
    assert given == [tuple(described.values()) for described in OUTPUT_TENSORS]


@pytest.mark.parametrize("names", [["digit"], ["probabilities", "digit"], ["probabilities"]])
def test_outputs_come_as_and_in_the_order_in_which_they_were_asked_for(readings, names):
    outputs, _ = to_outputs(readings, message(data=[], outputs=[{"name": name} for name in names]))
    assert [output["name"] for output in outputs] == names


@pytest.mark.parametrize("by_default", [None, False, True])
@pytest.mark.parametrize("digit", [None, False, True])
def test_what_is_said_of_an_output_beats_what_is_said_of_all(readings, by_default, digit):
    parameters = {"binary_data_output": by_default}
    outputs = [{"name": "digit", "parameters": {"binary_data": digit}}, {"name": "probabilities"}]
    packed_digit, packed_rest = to_outputs(readings, message(data=[], outputs=outputs, parameters=parameters))[0]
    assert ("data" in packed_digit) != (by_default if digit is None else digit or False)
    assert ("data" in packed_rest) != (by_default or False)


def test_bytes_follow_each_other_in_the_order_of_the_outputs(readings):
    outputs, tail = to_outputs(readings, message(data=[], parameters={"binary_data_output": True}))
    assert [output["parameters"]["binary_data_size"] for output in outputs] == [16, 80]
    assert struct.unpack("<2q", tail[:16]) == (7, 0)
    assert list(struct.unpack("<20f", tail[16:])) == readings.probabilities.ravel().tolist()


@given(
    probabilities=hnp.arrays(np.float32, st.tuples(rows, st.just(10)), elements={"min_value": 0, "max_value": 1}),
    count=st.integers(1, 20),
)
def test_a_classification_is_what_sorting_in_python_gives(probabilities, count):
    classes = classify(probabilities, count)
    assert classes.shape == (len(probabilities), min(count, 10))
    for row, found in zip(probabilities.tolist(), classes.tolist(), strict=True):
        best = sorted(range(10), key=lambda digit: (-row[digit], digit))[:count]
        assert [text.split(":")[1:] for text in found] == [[str(digit)] * 2 for digit in best]
        values = [np.float32(text.split(":")[0]) for text in found]
        assert values == [row[digit] for digit in best]


def test_a_classification_travels_as_text_or_as_bytes_with_their_length(readings):
    outputs = [{"name": "probabilities", "parameters": {"classification": 2}}]
    (output,), tail = to_outputs(readings, message(data=[], outputs=outputs))
    assert (output["datatype"], output["shape"], tail) == ("BYTES", [2, 2], b"")
    assert output["data"] == ["0.75:7:7", "0.25:1:1", "0.100000001:0:0", "0.100000001:1:1"]
    texts = [text.encode() for text in output["data"]]
    outputs[0]["parameters"]["binary_data"] = True
    (output,), tail = to_outputs(readings, message(data=[], outputs=outputs))
    assert tail == b"".join(struct.pack("<I", len(text)) + text for text in texts)
    assert output["parameters"] == {"binary_data_size": len(tail)}


@pytest.mark.parametrize("dtype", ["<i8", ">i8", "<f4", ">f4"])
def test_bytes_are_little_endian_on_any_machine(dtype):
    assert to_bytes(np.array([1], dtype)) == to_bytes(np.array([1], dtype.replace(">", "<")))
