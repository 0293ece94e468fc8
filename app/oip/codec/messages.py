"""Wire types of the protocol: the JSON that this model accepts and returns.

Unknown fields and parameters are ignored, because clients send fields that other servers know.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, NotRequired, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from model import PIXELS

Datatype: TypeAlias = Literal[
    "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64"
]
OutputName: TypeAlias = Literal["digit", "probabilities"]
OUTPUTS: tuple[OutputName, ...] = ("digit", "probabilities")

# Names of the JSON formats of a tensor: the tags of pydantic's union, and the titles in OpenAPI.
FLAT = "one list"
NESTED = "a list for each row"

# Lists fail fast, because a body of 2 MiB can hold a million errors, and describing all of them takes
# seconds.
FlatData: TypeAlias = Annotated[list[float], Field(fail_fast=True, title=FLAT), Tag(FLAT)]
ImageData: TypeAlias = Annotated[list[float], Field(min_length=PIXELS, max_length=PIXELS, fail_fast=True)]
NestedData: TypeAlias = Annotated[list[ImageData], Field(fail_fast=True, title=NESTED), Tag(NESTED)]


def _tensor_format(data: object) -> str:
    """Find the format that the client meant, so that errors refer to this format alone."""
    return NESTED if isinstance(data, list) and data and isinstance(data[0], list) else FLAT


TensorData: TypeAlias = Annotated[FlatData | NestedData, Discriminator(_tensor_format)]


class Message(BaseModel):
    """Base of the messages that clients send; types are strict, so a text or a boolean is not a number."""

    model_config = ConfigDict(strict=True)


class InputParameters(Message):
    """Parameters of an input tensor."""

    binary_data_size: int | None = Field(
        default=None,
        ge=0,
        description="Number of bytes of the data after the JSON; they are little-endian, row by row.",
    )
    shared_memory_region: str | None = Field(default=None, description="Not supported.")


class InputTensor(Message):
    """The input tensor: B images."""

    name: Literal["pixels"]
    shape: Annotated[list[int], Field(fail_fast=True, description=f"The number of images, and {PIXELS}.")]
    datatype: Datatype
    parameters: InputParameters | None = None
    data: TensorData | None = Field(
        default=None, description="Pixels in one list, or in a list for each image; 0 is background, 16 is full ink."
    )

    @model_validator(mode="after")
    def _require_data_once(self) -> "InputTensor":
        """Require the data in one place; an input in shared memory passes and is rejected later, with a 501."""
        parameters = self.parameters or InputParameters()
        is_shared = parameters.shared_memory_region is not None
        if not is_shared and (self.data is None) == (parameters.binary_data_size is None):
            raise PydanticCustomError("tensor_data", "must have either data or parameters.binary_data_size")
        return self


class OutputParameters(Message):
    """Parameters of a requested output."""

    binary_data: bool | None = Field(default=None, description="True puts the data after the JSON.")
    classification: int | None = Field(
        default=None,
        ge=1,
        description="How many of the most probable digits to return, each as the text value:index:label.",
    )
    shared_memory_region: str | None = Field(default=None, description="Not supported.")


class RequestedOutput(Message):
    """A requested output."""

    name: OutputName
    parameters: OutputParameters | None = None

    @model_validator(mode="after")
    def _reject_classification_of_digit(self) -> "RequestedOutput":
        """Reject a classification of the output `digit`; only `probabilities` has values to rank."""
        if self.name != "probabilities" and self.parameters and self.parameters.classification is not None:
            raise PydanticCustomError("classification", "cannot be classified; the output probabilities can")
        return self


def _require_unique(outputs: list[RequestedOutput]) -> list[RequestedOutput]:
    """Reject an output that is named twice."""
    if len({output.name for output in outputs}) < len(outputs):
        raise PydanticCustomError("repeated_output", "must name each output once")
    return outputs


RequestedOutputs: TypeAlias = Annotated[
    list[RequestedOutput], Field(max_length=len(OUTPUTS), fail_fast=True), AfterValidator(_require_unique)
]


class RequestParameters(Message):
    """Defaults for outputs that do not set `binary_data` themselves."""

    binary_data_output: bool | None = Field(default=None, description="True puts the data after the JSON.")


class InferRequest(Message):
    """An inference request."""

    id: str | None = Field(default=None, description="Identifier that the reply repeats.")
    parameters: RequestParameters | None = None
    inputs: Annotated[list[InputTensor], Field(min_length=1, max_length=1, fail_fast=True)]
    outputs: RequestedOutputs | None = Field(default=None, description="Requested outputs; all outputs by default.")


class OutputTensor(TypedDict):
    """An output tensor."""

    name: OutputName
    shape: list[int]
    datatype: Literal["INT64", "FP32", "BYTES"]
    parameters: NotRequired[dict[Literal["binary_data_size"], int]]
    data: NotRequired[Annotated[list[float] | list[int] | list[str], Field(description="Values in row-major order.")]]


class InferReply(TypedDict):
    """The reply to an inference request."""

    model_name: str
    model_version: str
    id: NotRequired[str]
    outputs: list[OutputTensor]


class ErrorReply(TypedDict):
    """An error response."""

    error: str


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


def remove_format_names(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Remove the name of the tensor format from the locations of errors, because no client knows it.

    Args:
        errors: Errors as pydantic reports them.
    Returns:
        The same errors without the names.
    """
    return [{**error, "loc": tuple(part for part in error["loc"] if part not in {FLAT, NESTED})} for error in errors]
