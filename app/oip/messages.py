"""What travels: the JSON of the protocol, as this model speaks it.

Unknown fields and parameters are ignored, because clients send what other servers understand.
"""

from typing import Annotated, Literal, NotRequired, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from model import PIXELS

Datatype: TypeAlias = Literal[
    "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64"
]
OutputName: TypeAlias = Literal["digit", "probabilities"]
OUTPUTS: tuple[OutputName, ...] = ("digit", "probabilities")

FLAT = "one list"
NESTED = "a list for each row"
LAYOUTS = (FLAT, NESTED)

# Lists fail fast: a body of 2 MiB can hold a million faults, and describing them all costs seconds.
FlatData: TypeAlias = Annotated[list[float], Field(fail_fast=True, title=FLAT)]
Row: TypeAlias = Annotated[list[float], Field(min_length=PIXELS, max_length=PIXELS, fail_fast=True)]
NestedData: TypeAlias = Annotated[list[Row], Field(fail_fast=True, title=NESTED)]


def _layout(data: object) -> str:
    """Tell which layout was meant, so that errors speak of that one only."""
    return NESTED if isinstance(data, list) and data and isinstance(data[0], list) else FLAT


TensorData: TypeAlias = Annotated[
    Annotated[FlatData, Tag(FLAT)] | Annotated[NestedData, Tag(NESTED)], Discriminator(_layout)
]


class Message(BaseModel):
    """What a client sends: no number passes for text, and no text or truth value for a number."""

    model_config = ConfigDict(strict=True)


class InputParameters(Message):
    """How a tensor travels that is not in the JSON."""

    binary_data_size: int | None = Field(
        default=None, ge=0, description="Bytes of the tensor behind the JSON, little-endian, row by row."
    )
    shared_memory_region: str | None = Field(default=None, description="Not supported.")


class InputTensor(Message):
    """Images."""

    name: Literal["pixels"]
    shape: Annotated[list[int], Field(fail_fast=True, description=f"Number of rows, {PIXELS}.")]
    datatype: Datatype
    parameters: InputParameters | None = None
    data: TensorData | None = Field(
        default=None, description="Row by row, as one list or a list for each; 0 is paper, 16 is ink."
    )

    @model_validator(mode="after")
    def _travels_one_way(self) -> "InputTensor":
        """Ask for the data, in one place. That shared memory is no place here is said later."""
        parameters = self.parameters or InputParameters()
        is_shared = parameters.shared_memory_region is not None
        if not is_shared and (self.data is None) == (parameters.binary_data_size is None):
            rule = "must have either data or parameters.binary_data_size"
            raise PydanticCustomError("tensor_data", rule)
        return self


class OutputParameters(Message):
    """How an output is wanted."""

    binary_data: bool | None = Field(default=None, description="Behind the JSON instead of in it.")
    classification: int | None = Field(
        default=None, ge=1, description="Only so many of the most probable digits, as value:index:label."
    )
    shared_memory_region: str | None = Field(default=None, description="Not supported.")


class RequestedOutput(Message):
    """An output that is wanted."""

    name: OutputName
    parameters: OutputParameters | None = None

    @model_validator(mode="after")
    def _classifies_probabilities(self) -> "RequestedOutput":
        """Refuse to rank the one number that the output `digit` has."""
        if self.name != "probabilities" and self.parameters and self.parameters.classification is not None:
            rule = "cannot be classified; the output probabilities can"
            raise PydanticCustomError("classification", rule)
        return self


def _each_once(outputs: list[RequestedOutput]) -> list[RequestedOutput]:
    """Refuse an output that is named twice."""
    if len({output.name for output in outputs}) < len(outputs):
        raise PydanticCustomError("repeated_output", "must name each output once")
    return outputs


RequestedOutputs: TypeAlias = Annotated[
    list[RequestedOutput], Field(max_length=len(OUTPUTS), fail_fast=True), AfterValidator(_each_once)
]


class RequestParameters(Message):
    """How all outputs are wanted for which nothing else is said."""

    binary_data_output: bool | None = Field(default=None, description="Behind the JSON instead of in it.")


class InferRequest(Message):
    """Images to read."""

    id: str | None = Field(default=None, description="Returned as it is.")
    parameters: RequestParameters | None = None
    inputs: Annotated[list[InputTensor], Field(min_length=1, max_length=1, fail_fast=True)]
    outputs: RequestedOutputs | None = Field(default=None, description="All, if there are none.")


class OutputTensor(TypedDict):
    """An output."""

    name: OutputName
    shape: list[int]
    datatype: Literal["INT64", "FP32", "BYTES"]
    parameters: NotRequired[dict[Literal["binary_data_size"], int]]
    data: NotRequired[Annotated[list[float] | list[int] | list[str], Field(description="Row by row.")]]


class InferReply(TypedDict):
    """What the images show."""

    model_name: str
    model_version: str
    id: NotRequired[str]
    outputs: list[OutputTensor]


class ErrorReply(TypedDict):
    """What is wrong with a request."""

    error: str


class ServerReply(TypedDict):
    """Who answers, and what it knows beyond the protocol."""

    name: str
    version: str
    extensions: list[str]


class HealthReply(TypedDict):
    """How the service feels; one client reads the one key, another the other."""

    live: bool
    ready: bool


class ModelReadyReply(TypedDict):
    """Whether a model answers."""

    name: str
    ready: bool


class ModelsReply(TypedDict):
    """All models."""

    models: list[str]


class IndexRequest(Message):
    """Which entries of the index are wanted."""

    ready: bool | None = Field(default=None, description="Only those that answer.")


class IndexEntry(TypedDict):
    """A version of a model."""

    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str


class TensorDescription(TypedDict):
    """An input or output; -1 in its shape stands for the number of rows."""

    name: str
    datatype: str
    shape: list[int]


class ModelReply(TypedDict):
    """What a model takes and gives."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorDescription]
    outputs: list[TensorDescription]


class TensorConfig(TypedDict):
    """An input or output, without the dimension of the rows."""

    name: str
    data_type: str
    dims: list[int]


class ConfigReply(TypedDict):
    """How a model is served."""

    name: str
    platform: str
    max_batch_size: int
    input: list[TensorConfig]
    output: list[TensorConfig]
