"""Wire types of an inference: the JSON that this model accepts and returns.

Unknown fields and parameters are ignored, because clients send fields that other servers know.
"""

from typing import Annotated, Any, Literal, NotRequired, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, WithJsonSchema, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

# `typing` has `TypeAliasType` from Python 3.12 on. Before 3.12, pydantic needs this `TypedDict`.
from typing_extensions import TypeAliasType, TypedDict

from model import IMAGE_SIDE, PIXELS

Datatype: TypeAlias = Literal[
    "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64"
]
OutputName: TypeAlias = Literal["digit", "probabilities"]
OUTPUTS: tuple[OutputName, ...] = ("digit", "probabilities")
RESERVED_PREFIX = "triton_"  # of parameters; Source: Triton's "Parameters Extension"

# In the document, a choice of lists is also a list of anything. Generators for Rust and Java fail for the choice alone.
ANY_LIST: JsonDict = {"type": "array", "items": {}}
_NESTED_LISTS = {
    **ANY_LIST,
    "description": "Numbers in row-major order, in one list or in nested lists of equal depth.",
}
# `json_data.flatten` checks the values, because pydantic would report an error for each depth.
TensorData = TypeAliasType("TensorData", Annotated[list[Any], WithJsonSchema(_NESTED_LISTS)])


class Message(BaseModel):
    """Base of the messages that clients send; types are strict, so a text or a boolean is not a number."""

    model_config = ConfigDict(strict=True)


class Parameters(Message):
    """Parameters of a message or of a tensor; names that begin with `triton_` are reserved."""

    @model_validator(mode="before")
    @classmethod
    def _reject_reserved(cls, parameters: object) -> object:
        """Reject the names that the protocol reserves for servers."""
        if isinstance(parameters, dict) and any(name.startswith(RESERVED_PREFIX) for name in parameters):
            raise PydanticCustomError("reserved", f"must not have names that begin with {RESERVED_PREFIX}")
        return parameters


class InputParameters(Parameters):
    """Parameters of an input tensor."""

    binary_data_size: int | None = Field(
        default=None,
        ge=0,
        description="Number of bytes of the data after the JSON. The values are little-endian, image by image.",
    )
    shared_memory_region: str | None = Field(default=None, description="Not supported.")


_SHAPE = f"[B, {PIXELS}] for B images; the configuration of the model has the largest B."
_TWO_NUMBERS: JsonDict = {"minItems": 2, "maxItems": 2}


class InputTensor(Message):
    """The input tensor: B images."""

    name: Literal["pixels"]
    shape: Annotated[list[int], Field(fail_fast=True, description=_SHAPE, json_schema_extra=_TWO_NUMBERS)]
    datatype: Datatype = Field(description="Type of the data; an integer type needs whole numbers.")
    parameters: InputParameters | None = None
    data: TensorData | None = Field(
        default=None,
        description="Pixels, image by image, from 0 (background) to 16 (full ink). Exactly one of this field and "
        "`binary_data_size` is required.",
    )

    @model_validator(mode="after")
    def _require_data_once(self) -> "InputTensor":
        """Require the data in one place; an input in shared memory passes and is rejected later, with a 501."""
        parameters = self.parameters or InputParameters()
        is_shared = parameters.shared_memory_region is not None
        if not is_shared and (self.data is None) == (parameters.binary_data_size is None):
            raise PydanticCustomError("tensor_data", "must have either data or parameters.binary_data_size")
        return self


class OutputParameters(Parameters):
    """Parameters of a requested output."""

    binary_data: bool | None = Field(default=None, description="True puts this data after the JSON.")
    classification: int | None = Field(
        default=None,
        ge=1,
        description="Number of most probable digits to return, each as the text value:index:label; at most 10. "
        "Only for `probabilities`.",
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


class RequestParameters(Parameters):
    """Parameters of a request; they apply to outputs that do not set `binary_data` themselves."""

    binary_data_output: bool | None = Field(default=None, description="True puts all data after the JSON.")


EXAMPLE_TENSOR: JsonValue = {
    "name": "pixels",
    "shape": [1, PIXELS],
    "datatype": "UINT8",
    "data": [0, 0, 0, 16, 16, 0, 0, 0] * IMAGE_SIDE,
}


class InferRequest(Message):
    """An inference request."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": [EXAMPLE_TENSOR]}]})

    id: str | None = Field(default=None, description="Identifier that the reply repeats.")
    parameters: RequestParameters | None = None
    inputs: list[InputTensor] = Field(min_length=1, max_length=1, fail_fast=True, description="The input tensor.")
    outputs: RequestedOutputs | None = Field(default=None, description="Requested outputs; all outputs by default.")


class OutputTensorParameters(TypedDict):
    """Parameters of an output tensor."""

    binary_data_size: Annotated[int, Field(description="Number of bytes of the data after the JSON.")]


class OutputTensor(TypedDict):
    """An output tensor."""

    name: OutputName
    shape: Annotated[
        list[int], Field(description="[B] for `digit`; [B, 10] for `probabilities`, or [B, k] for k classes.")
    ]
    datatype: Annotated[Literal["INT64", "FP32", "BYTES"], Field(description="BYTES for a classification.")]
    parameters: NotRequired[OutputTensorParameters]
    data: NotRequired[
        Annotated[
            list[int] | list[float] | list[str],
            Field(
                description="Values in row-major order. Missing if the data follows the JSON.",
                json_schema_extra=ANY_LIST,
            ),
        ]
    ]


class InferReply(TypedDict):
    """The reply to an inference request."""

    model_name: str
    model_version: str
    id: NotRequired[Annotated[str, Field(description="The id of the request. Missing if the request has none.")]]
    outputs: list[OutputTensor]


class ErrorReply(TypedDict):
    """An error response."""

    error: Annotated[str, Field(description="What is wrong; for invalid input, the place and the broken rule.")]
