"""Conversion of tensors to arrays and of arrays to tensors, as JSON and as bytes."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.oip.codec import messages
from app.oip.codec.errors import InvalidError, UnsupportedError
from app.oip.codec.json_data import parse_data
from app.predictor import Predictions
from model import PIXELS, Floats32, PixelRangeError, validate_pixels

# Source: Open Inference Protocol, "Tensor Data Types"; "Binary Tensor Data Extension" for the byte order.
DTYPES: dict[messages.Datatype, np.dtype[Any]] = {
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
# NumPy's `dtype.kind` of an output → its datatype in the protocol.
DATATYPE_BY_KIND: dict[str, Literal["INT64", "FP32", "BYTES"]] = {"i": "INT64", "f": "FP32", "U": "BYTES"}
ALL_OUTPUTS = [messages.RequestedOutput(name=name) for name in messages.OUTPUTS]
DEFAULT_PARAMETERS = messages.OutputParameters()
NO_SHARED_MEMORY = "Shared memory is not supported; tensors travel in the body."
RAW_IMAGE_BYTES = PIXELS * DTYPES["FP32"].itemsize


def raw_binary_request(data: bytes) -> messages.InferRequest:
    """Create the message of a raw binary request, which has no JSON: its body is one FP32 tensor.

    Args:
        data: The body.
    Returns:
        The message; it requests binary outputs.
    Raises:
        InvalidError: The body is empty or is not a whole number of images.
    Source: Triton's "Binary Tensor Data Extension", "Raw Binary Request".
    """
    batch_size, remainder = divmod(len(data), RAW_IMAGE_BYTES)
    if remainder or not batch_size:
        raise InvalidError(f"A body without JSON must be rows of {PIXELS} FP32 numbers, {RAW_IMAGE_BYTES} bytes each.")
    parameters = messages.InputParameters(binary_data_size=len(data))
    tensor = messages.InputTensor(name="pixels", shape=[batch_size, PIXELS], datatype="FP32", parameters=parameters)
    return messages.InferRequest(inputs=[tensor], parameters=messages.RequestParameters(binary_data_output=True))


def to_pixels(request: messages.InferRequest, binary_data: bytes, max_batch_size: int) -> Floats32:
    """Convert the input tensor of a request to pixels.

    Args:
        request: The parsed inference request.
        binary_data: The bytes after the JSON.
        max_batch_size: Largest number of images.
    Returns:
        Pixels, shape (B, 64), float32 in [0, 16].
    Raises:
        InvalidError: Shape, datatype, data and bytes contradict each other, or a pixel is out of range.
    """
    (tensor,) = request.inputs
    batch_size = batch_size_of(tensor.shape, max_batch_size)
    dtype = DTYPES[tensor.datatype]
    if tensor.data is None:
        values = from_bytes(tensor, binary_data, batch_size, dtype)
    else:
        values = parse_data(tensor.data, batch_size * PIXELS, dtype).reshape(batch_size, PIXELS)
        if binary_data:
            raise InvalidError("The body must end after its JSON, because inputs[0] has its data there.")
    try:
        return validate_pixels(values)
    except PixelRangeError as error:
        raise InvalidError(f"{tensor.name}[{error.image}][{error.pixel}] {error.rule}") from error


def reject_shared_memory(request: messages.InferRequest) -> None:
    """Reject a request that refers to shared memory; tensors must be in the body.

    Args:
        request: The parsed inference request.
    Raises:
        UnsupportedError: An input or output names a region of shared memory.
    """
    for tensor in (*request.inputs, *(request.outputs or ())):
        if tensor.parameters and tensor.parameters.shared_memory_region is not None:
            raise UnsupportedError(NO_SHARED_MEMORY)


def batch_size_of(shape: list[int], max_batch_size: int) -> int:
    """Check the shape of the input tensor.

    Args:
        shape: The declared shape; integers of any size.
        max_batch_size: Largest number of images.
    Returns:
        The number of images, at least 1.
    Raises:
        InvalidError: The shape is not (B, 64), or B is out of range.
    """
    if len(shape) != 2 or shape[1] != PIXELS or not 1 <= shape[0] <= max_batch_size:
        raise InvalidError(f"inputs[0].shape must be [B, {PIXELS}] for B images, with B from 1 to {max_batch_size}")
    return shape[0]


def from_bytes(tensor: messages.InputTensor, binary_data: bytes, batch_size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert a tensor whose data follows the JSON.

    Args:
        tensor: The tensor's description in the JSON.
        binary_data: The bytes after the JSON.
        batch_size: The declared number of images.
        dtype: The declared type.
    Returns:
        Values, shape (B, 64), of that type, any range; a view of `binary_data`.
    Raises:
        InvalidError: The declared or the actual number of bytes does not fit the shape.
    """
    size = batch_size * PIXELS * dtype.itemsize
    if (tensor.parameters or messages.InputParameters()).binary_data_size != size:
        raise InvalidError(f"inputs[0].parameters.binary_data_size must be {size}, as its shape and datatype say")
    if len(binary_data) != size:
        raise InvalidError(f"The bytes behind the JSON must be {size}, as inputs[0] says.")
    return np.frombuffer(binary_data, dtype).reshape(batch_size, PIXELS)


def to_outputs(predictions: Predictions, request: messages.InferRequest) -> tuple[list[messages.OutputTensor], bytes]:
    """Convert predictions to the outputs that the client requested.

    Args:
        predictions: Predictions for B images.
        request: The parsed inference request, which names the outputs and how each is returned.
    Returns:
        The output tensors for the JSON, and the bytes after the JSON.
    """
    binary_by_default = bool(request.parameters and request.parameters.binary_data_output)
    outputs, binary_data = [], []
    for requested in request.outputs or ALL_OUTPUTS:
        parameters = requested.parameters or DEFAULT_PARAMETERS
        values: NDArray[Any] = predictions.digits if requested.name == "digit" else predictions.probabilities
        if parameters.classification is not None:
            values = classify(predictions.probabilities, parameters.classification)
        datatype = DATATYPE_BY_KIND[values.dtype.kind]
        output = messages.OutputTensor(name=requested.name, shape=list(values.shape), datatype=datatype)
        is_binary = binary_by_default if parameters.binary_data is None else parameters.binary_data
        if is_binary:
            binary_data.append(to_bytes(values))
            output["parameters"] = {"binary_data_size": len(binary_data[-1])}
        else:
            output["data"] = values.ravel().tolist()
        outputs.append(output)
    return outputs, b"".join(binary_data)


def classify(probabilities: Floats32, count: int) -> NDArray[np.str_]:
    """List the most probable digits of each image.

    Args:
        probabilities: Shape (B, 10), in [0, 1].
        count: Number of digits, at least 1; a number above 10 means all.
    Returns:
        Texts `value:index:label`, shape (B, min(count, 10)), in order of falling probability; of two equal values,
        the smaller digit comes first. The value has nine significant figures, enough to recover the float32.
    Source: Triton's "Classification Extension".
    Example:
        >>> classify(np.array([[0.25, 0.75]]), 2).tolist()
        [['0.75:1:1', '0.25:0:0']]
    """
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :count]
    values = np.take_along_axis(probabilities, best, axis=1)
    return np.array(
        [
            [f"{value:.9g}:{digit}:{digit}" for value, digit in zip(*image, strict=True)]
            for image in zip(values.tolist(), best.tolist(), strict=True)
        ]
    )


def to_bytes(values: NDArray[Any]) -> bytes:
    r"""Convert an output to bytes.

    Args:
        values: Array of int64, float32 or text.
    Returns:
        The values in row-major order, little-endian; the length of a text precedes it in four bytes.
    Example:
        >>> to_bytes(np.array([["0.75:1:1"]]))
        b'\x08\x00\x00\x000.75:1:1'
    """
    if values.dtype.kind != "U":
        return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    texts = [text.encode() for text in values.ravel().tolist()]
    return b"".join(len(text).to_bytes(4, "little") + text for text in texts)
