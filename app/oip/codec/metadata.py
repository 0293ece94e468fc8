"""The metadata of the service and of the model: the wire types, the extensions of the protocol, and the tensors."""

from typing import Literal

from pydantic import Field
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from app.oip.codec.messages import Message
from model import DIGITS, PIXELS


class ServerReply(TypedDict):
    """The metadata of the server, with the extensions of the protocol that it supports."""

    name: str
    version: str
    extensions: list[str]


class OipHealthReply(TypedDict):
    """The state of the service; the specification names `live`, and KServe's client reads `ready`."""

    live: bool
    ready: bool


class ModelReadyReply(TypedDict):
    """The readiness of a model."""

    name: str
    ready: bool


class ModelsReply(TypedDict):
    """The names of all models."""

    models: list[str]


class IndexRequest(Message):
    """Filter of the repository index."""

    ready: bool | None = Field(default=None, description="True lists only the models that are ready.")


class IndexEntry(TypedDict):
    """One version of a model in the repository index."""

    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str


class TensorDescription(TypedDict):
    """An input or output tensor; -1 in its shape is the batch dimension."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadataReply(TypedDict):
    """The metadata of a model."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorDescription]
    outputs: list[TensorDescription]


class TensorConfig(TypedDict):
    """An input or output tensor without its batch dimension."""

    name: str
    data_type: str
    dims: list[int]


class ConfigReply(TypedDict):
    """The configuration of a model."""

    name: str
    platform: str
    max_batch_size: int
    input: list[TensorConfig]
    output: list[TensorConfig]


PLATFORM = "numpy_npz"  # project and format, as the protocol asks
EXTENSIONS = ["binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics"]
ANY_SIZE = -1  # size of the batch dimension

INPUT_TENSORS = [TensorDescription(name="pixels", datatype="FP32", shape=[ANY_SIZE, PIXELS])]
OUTPUT_TENSORS = [
    TensorDescription(name="digit", datatype="INT64", shape=[ANY_SIZE]),
    TensorDescription(name="probabilities", datatype="FP32", shape=[ANY_SIZE, DIGITS]),
]


def tensor_config(tensor: TensorDescription) -> TensorConfig:
    """Describe a tensor in the form of Triton's model configuration.

    Args:
        tensor: The tensor.
    Returns:
        Its configuration, without the batch dimension, which `max_batch_size` describes.
    """
    return TensorConfig(name=tensor["name"], data_type=f"TYPE_{tensor['datatype']}", dims=tensor["shape"][1:])
