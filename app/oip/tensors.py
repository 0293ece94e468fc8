"""Tensors into arrays, and arrays into tensors; as JSON and as bytes."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.oip.errors import InvalidError, UnsupportedError
from app.oip.messages import (
    OUTPUTS,
    Datatype,
    InferRequest,
    InputParameters,
    InputTensor,
    OutputParameters,
    OutputTensor,
    RequestedOutput,
    RequestParameters,
    TensorData,
)
from app.reader import Readings
from model import PIXELS, Floats32, PixelRangeError, validate_pixels

# Source: Open Inference Protocol, "Tensor Data Types"; "Binary Tensor Data Extension" for the order of bytes.
DTYPES: dict[Datatype, np.dtype[Any]] = {
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
OUTPUT_DATATYPES: dict[str, Literal["INT64", "FP32", "BYTES"]] = {"i": "INT64", "f": "FP32", "U": "BYTES"}
RAW_ROW_BYTES = PIXELS * DTYPES["FP32"].itemsize


def raw_request(tail: bytes) -> InferRequest:
    """Make up the JSON of a request that has none: all its bytes are one FP32 tensor.

    Args:
        tail: The bytes.
    Returns:
        The request; it wants its outputs as bytes too.
    Raises:
        InvalidError: They are no whole number of rows, or none.
    Source: Triton's "Binary Tensor Data Extension", "Raw Binary Request".
    """
    rows, rest = divmod(len(tail), RAW_ROW_BYTES)
    if rest or not rows:
        raise InvalidError(
            f"A body without JSON must be rows of {PIXELS} FP32 numbers, {RAW_ROW_BYTES} bytes each."
        )
    parameters = InputParameters(binary_data_size=len(tail))
    tensor = InputTensor(name="pixels", shape=[rows, PIXELS], datatype="FP32", parameters=parameters)
    return InferRequest(inputs=[tensor], parameters=RequestParameters(binary_data_output=True))


def to_pixels(request: InferRequest, tail: bytes, max_rows: int) -> Floats32:
    """Take the images out of a request.

    Args:
        request: Its JSON.
        tail: The bytes behind it.
        max_rows: Most images.
    Returns:
        Shape (B, 64), float32 in [0, 16].
    Raises:
        InvalidError: Shape, datatype, data and bytes do not agree, or a pixel is out of bounds.
    """
    (tensor,) = request.inputs
    rows = rows_of(tensor.shape, max_rows)
    dtype = DTYPES[tensor.datatype]
    if tensor.data is None:
        values = from_bytes(tensor, tail, rows, dtype)
    else:
        values = from_json(tensor.data, rows, dtype)
        if tail:
            raise InvalidError("The body must end after its JSON, because inputs[0] has its data there.")
    try:
        return validate_pixels(values)
    except PixelRangeError as error:
        raise InvalidError(f"{tensor.name}[{error.row}][{error.pixel}] {error.bound}") from error


def refuse_shared_memory(request: InferRequest) -> None:
    """Say that tensors must travel with their request and their reply.

    Args:
        request: Its JSON.
    Raises:
        UnsupportedError: It names a region of shared memory.
    """
    for tensor in (*request.inputs, *(request.outputs or ())):
        if tensor.parameters and tensor.parameters.shared_memory_region is not None:
            raise UnsupportedError("Shared memory is not supported; tensors travel in the body.")


def rows_of(shape: list[int], max_rows: int) -> int:
    """Check the shape of the input.

    Args:
        shape: As it was declared; numbers of any size.
        max_rows: Most images.
    Returns:
        Number of images, at least 1.
    Raises:
        InvalidError: It is another shape than (B, 64).
    """
    if len(shape) != 2 or shape[1] != PIXELS or not 1 <= shape[0] <= max_rows:
        raise InvalidError(f"inputs[0].shape must be [rows, {PIXELS}], with 1 to {max_rows} rows")
    return shape[0]


def from_json(data: TensorData, rows: int, dtype: np.dtype[Any]) -> NDArray[np.float64]:
    """Read a tensor that is in the JSON.

    Args:
        data: All numbers in one list, or in a list for each row.
        rows: Number of rows that the shape has.
        dtype: Type that was declared; it says whether the numbers must be whole.
    Returns:
        Shape (rows, 64), unbounded.
    Raises:
        InvalidError: There are more or fewer numbers, or not of that type.
    """
    values = np.array(data, dtype=np.float64)
    if values.size != rows * PIXELS:
        raise InvalidError(f"inputs[0].data must have {rows * PIXELS} numbers, as its shape says")
    if dtype.kind in "iu" and (np.trunc(values) != values).any():
        raise InvalidError("inputs[0].data must be whole numbers, as its datatype says")
    return values.reshape(rows, PIXELS)


def from_bytes(tensor: InputTensor, tail: bytes, rows: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Read a tensor that is behind the JSON.

    Args:
        tensor: What the JSON says of it.
        tail: The bytes behind the JSON.
        rows: Number of rows that the shape has.
        dtype: Type of its numbers.
    Returns:
        Shape (rows, 64), of that type, unbounded; it looks at the same memory.
    Raises:
        InvalidError: The number of bytes is another one, by the JSON or in fact.
    """
    size = rows * PIXELS * dtype.itemsize
    if (tensor.parameters or InputParameters()).binary_data_size != size:
        raise InvalidError(
            f"inputs[0].parameters.binary_data_size must be {size}, as its shape and datatype say"
        )
    if len(tail) != size:
        raise InvalidError(f"The bytes behind the JSON must be {size}, as inputs[0] says.")
    return np.frombuffer(tail, dtype).reshape(rows, PIXELS)


def pack(readings: Readings, request: InferRequest) -> tuple[list[OutputTensor], bytes]:
    """Shape what was read as the client wants it.

    Args:
        readings: What B images show.
        request: Which outputs are wanted, and how.
    Returns:
        The outputs for the JSON, and the bytes behind it.
    """
    binary_by_default = bool(request.parameters and request.parameters.binary_data_output)
    outputs, tail = [], []
    for wanted in request.outputs or [RequestedOutput(name=name) for name in OUTPUTS]:
        parameters = wanted.parameters or OutputParameters()
        values: NDArray[Any] = readings.digits if wanted.name == "digit" else readings.probabilities
        if parameters.classification is not None:
            values = classify(readings.probabilities, parameters.classification)
        datatype = OUTPUT_DATATYPES[values.dtype.kind]
        output = OutputTensor(name=wanted.name, shape=list(values.shape), datatype=datatype)
        is_binary = binary_by_default if parameters.binary_data is None else parameters.binary_data
        if is_binary:
            tail.append(to_bytes(values))
            output["parameters"] = {"binary_data_size": len(tail[-1])}
        else:
            output["data"] = values.ravel().tolist()
        outputs.append(output)
    return outputs, b"".join(tail)


def classify(probabilities: Floats32, count: int) -> NDArray[np.str_]:
    """Name the most probable digits of each image.

    Args:
        probabilities: Shape (B, 10), in [0, 1].
        count: How many, at least 1; more than there are means all.
    Returns:
        Shape (B, count): `value:index:label`, the best first and of equals the smaller digit; the nine
        figures of a value are enough to give the same float32 again.
    Source: Triton's "Classification Extension".
    Example:
        >>> classify(np.array([[0.25, 0.75]]), 2).tolist()
        [['0.75:1:1', '0.25:0:0']]
    """
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :count]
    values = np.take_along_axis(probabilities, best, axis=1)
    return np.array(
        [
            [f"{value:.9g}:{digit}:{digit}" for value, digit in zip(*row, strict=True)]
            for row in zip(values.tolist(), best.tolist(), strict=True)
        ]
    )


def to_bytes(values: NDArray[Any]) -> bytes:
    r"""Write an output as it travels behind the JSON.

    Args:
        values: int64, float32 or text.
    Returns:
        Little-endian, row by row; a text is preceded by its length in four bytes.
    Example:
        >>> to_bytes(np.array([["0.75:1:1"]]))
        b'\x08\x00\x00\x000.75:1:1'
    """
    if values.dtype.kind != "U":
        return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    texts = [text.encode() for text in values.ravel().tolist()]
    return b"".join(len(text).to_bytes(4, "little") + text for text in texts)
