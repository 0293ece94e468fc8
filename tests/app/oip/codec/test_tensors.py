"""Input tensors of every datatype give the same pixels; shape, datatype, size and data must agree."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from app.oip.codec.errors import InvalidError, UnsupportedError
from app.oip.codec.messages import InferRequest, RequestParameters
from app.oip.codec.tensors import DTYPES, raw_binary_request, reject_shared_memory, to_pixels

MAX_BATCH_SIZE = 16
STRUCT_FORMATS = dict(zip(DTYPES, "BHIQbhiqefd", strict=True))  # formats of Python's struct module
INTEGER_DATATYPES = [datatype for datatype in DTYPES if "INT" in datatype]
FLOAT_DATATYPES = ["FP16", "FP32", "FP64"]

batch_sizes = st.integers(1, MAX_BATCH_SIZE)
batches = hnp.arrays(np.uint8, st.tuples(batch_sizes, st.just(64)), elements=st.integers(0, 16))


def create_request(*, datatype="FP32", shape=(1, 64), size=None, outputs=None, **fields):
    """Create a request with one input tensor.

    Args:
        datatype: Datatype of the tensor.
        shape: Shape of the tensor.
        size: Number of bytes behind the JSON, or None if the numbers are in the JSON.
        outputs: The requested outputs.
        fields: Other fields of the tensor, for example `data`.
    """
    parameters = {"binary_data_size": size}
    tensor = {"name": "pixels", "datatype": datatype, "shape": [*shape], "parameters": parameters, **fields}
    return InferRequest.model_validate({"inputs": [tensor], "outputs": outputs})


def pack(values, datatype):
    """Convert numbers to bytes with Python's struct, as a reference for NumPy."""
    cast = float if datatype in FLOAT_DATATYPES else int
    return struct.pack(f"<{values.size}{STRUCT_FORMATS[datatype]}", *map(cast, values.ravel()))


@pytest.mark.parametrize("datatype", DTYPES)
@given(images=batches)
def test_binary_tensor_of_every_datatype_gives_the_same_pixels(datatype, images):
    binary_data = pack(images, datatype)
    request = create_request(datatype=datatype, shape=images.shape, size=len(binary_data))
    pixels = to_pixels(request, binary_data, MAX_BATCH_SIZE)
    assert pixels.dtype == np.float32
    assert pixels.tolist() == images.tolist()


@pytest.mark.parametrize("datatype", DTYPES)
@given(images=batches)
def test_flat_and_nested_json_of_every_datatype_give_the_same_pixels(datatype, images):
    for data in (images.ravel().tolist(), images.tolist()):
        request = create_request(datatype=datatype, shape=images.shape, data=data)
        assert to_pixels(request, b"", MAX_BATCH_SIZE).tolist() == images.tolist()


@given(images=batches, sizes=st.lists(st.integers(1, 4), max_size=4))
def test_nested_json_of_any_shape_gives_the_same_pixels(images, sizes):
    if images.size % math.prod(sizes) == 0:
        data = images.reshape(*sizes, -1).tolist()
        request = create_request(datatype="UINT8", shape=images.shape, data=data)
        assert to_pixels(request, b"", MAX_BATCH_SIZE).tolist() == images.tolist()


@pytest.mark.parametrize("datatype", FLOAT_DATATYPES)
@given(values=hnp.arrays(np.float16, (1, 64), elements={"min_value": 0, "max_value": 16}))
def test_float_datatypes_keep_fractions(datatype, values):
    binary_data = pack(values, datatype)
    pixels = to_pixels(create_request(datatype=datatype, size=len(binary_data)), binary_data, MAX_BATCH_SIZE)
    assert pixels.tolist() == values.tolist()


@pytest.mark.parametrize("datatype", DTYPES)
def test_error_names_the_pixel_out_of_range_in_every_datatype(datatype):
    values = np.zeros((2, 64))
    values[1, 3] = 17
    request = create_request(datatype=datatype, shape=(2, 64), size=len(pack(values, datatype)))
    with pytest.raises(InvalidError, match=r"^pixels\[1\]\[3\] must be between 0 and 16$"):
        to_pixels(request, pack(values, datatype), MAX_BATCH_SIZE)


@pytest.mark.parametrize("datatype", FLOAT_DATATYPES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.001, 16.01])
def test_float_out_of_range_or_not_finite_is_rejected(datatype, value):
    values = np.zeros((1, 64))
    values[0, 63] = value
    binary_data = pack(values, datatype)
    with pytest.raises(InvalidError, match=r"pixels\[0\]\[63\]"):
        to_pixels(create_request(datatype=datatype, size=len(binary_data)), binary_data, MAX_BATCH_SIZE)


@pytest.mark.parametrize("datatype", ["INT8", "INT16", "INT32", "INT64"])
def test_negative_integer_is_rejected(datatype):
    binary_data = pack(np.full((1, 64), -1), datatype)
    with pytest.raises(InvalidError, match="between 0 and 16"):
        to_pixels(create_request(datatype=datatype, size=len(binary_data)), binary_data, MAX_BATCH_SIZE)


@pytest.mark.parametrize("datatype", INTEGER_DATATYPES)
@pytest.mark.parametrize("value", [0.5, float("nan")])
def test_json_of_integer_datatype_rejects_fractions_and_nan(datatype, value):
    with pytest.raises(InvalidError, match="whole numbers"):
        to_pixels(create_request(datatype=datatype, data=[value] * 64), b"", MAX_BATCH_SIZE)


@pytest.mark.parametrize(
    "shape",
    [(64,), (), (0, 64), (-1, 64), (1, 63), (1, 65), (64, 1), (MAX_BATCH_SIZE + 1, 64), (2**63, 64), (2**200, 64)],
)
def test_other_shape_than_batch_size_and_64_is_rejected(shape):
    with pytest.raises(InvalidError, match=r"\[B, 64\] for B images, with B from 1 to 16"):
        to_pixels(create_request(shape=shape, data=[0] * 64), b"", MAX_BATCH_SIZE)


@pytest.mark.parametrize("count", [0, 1, 63, 65, 128])
def test_json_with_another_number_of_values_than_its_shape_is_rejected(count):
    with pytest.raises(InvalidError, match="must have 64 numbers"):
        to_pixels(create_request(data=[0] * count), b"", MAX_BATCH_SIZE)


@pytest.mark.parametrize("count", [0, 2])
def test_nested_json_with_another_number_of_images_than_its_shape_is_rejected(count):
    with pytest.raises(InvalidError, match="must have 64 numbers"):
        to_pixels(create_request(data=[[0] * 64] * count), b"", MAX_BATCH_SIZE)


@pytest.mark.parametrize("size", [0, 1, 255, 257, 2**70])
def test_binary_size_that_contradicts_shape_and_datatype_is_rejected(size):
    with pytest.raises(InvalidError, match="binary_data_size must be 256"):
        to_pixels(create_request(size=size), bytes(256), MAX_BATCH_SIZE)


@pytest.mark.parametrize("length", [0, 255, 257, 512])
def test_binary_data_of_another_length_than_declared_is_rejected(length):
    with pytest.raises(InvalidError, match=r"bytes behind the JSON must be 256, as inputs\[0\] says"):
        to_pixels(create_request(size=256), bytes(length), MAX_BATCH_SIZE)


def test_binary_data_behind_a_json_tensor_is_rejected():
    with pytest.raises(InvalidError, match="must end after its JSON"):
        to_pixels(create_request(data=[0] * 64), b"x", MAX_BATCH_SIZE)


SHARED_MEMORY = {"shared_memory_region": "region", "shared_memory_byte_size": 256}


@pytest.mark.parametrize(
    "infer_request",
    [
        create_request(parameters=SHARED_MEMORY),
        create_request(parameters=SHARED_MEMORY, data=[0] * 64),
        create_request(data=[0] * 64, outputs=[{"name": "digit", "parameters": SHARED_MEMORY}]),
    ],
    ids=["input", "input with data", "output"],
)
def test_shared_memory_is_unsupported(infer_request):
    with pytest.raises(UnsupportedError, match="Shared memory"):
        reject_shared_memory(infer_request)


@given(values=hnp.arrays(np.float32, st.tuples(batch_sizes, st.just(64)), elements={"min_value": 0, "max_value": 16}))
def test_raw_binary_request_is_one_fp32_tensor_with_binary_outputs(values):
    binary_data = values.astype("<f4").tobytes()
    request = raw_binary_request(binary_data)
    assert to_pixels(request, binary_data, MAX_BATCH_SIZE).tolist() == values.tolist()
    assert request.parameters == RequestParameters(binary_data_output=True)


@pytest.mark.parametrize("length", [0, 1, 255, 257])
def test_raw_binary_request_without_whole_images_is_rejected(length):
    with pytest.raises(InvalidError, match="rows of 64 FP32 numbers, 256 bytes each"):
        raw_binary_request(bytes(length))
