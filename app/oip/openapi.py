"""Descriptions of the protocol's operations for OpenAPI, beyond the signatures of their functions."""

from functools import partial
from typing import Annotated, Any, TypeAlias

from fastapi import Path

from app.http.openapi import documented_errors, schema_reference
from app.oip.codec.body import JSON_LENGTH_HEADER
from app.oip.codec.messages import InferReply, InferRequest
from app.oip.error_format import OIP_ERROR_FORMAT

TAG = "open inference protocol"  # OpenAPI groups the operations by tags
_BYTES = f"JSON, then the bytes of the tensors in their order. {JSON_LENGTH_HEADER} is the length of the JSON."
OCTETS = {"application/octet-stream": {"schema": {"type": "string", "format": "binary", "description": _BYTES}}}
oip_errors = partial(documented_errors, OIP_ERROR_FORMAT)

_DESCRIPTIONS = {
    "name": "Name of the model; GET /v2/models lists it.",
    "version": "Version of the model; the metadata of the model has it.",
}
ModelName: TypeAlias = Annotated[str, Path(description=_DESCRIPTIONS["name"])]
ModelVersion: TypeAlias = Annotated[str, Path(description=_DESCRIPTIONS["version"])]

_JSON_LENGTH = {
    "description": "Number of bytes of the JSON, if binary tensors follow it.",
    "schema": {"type": "integer", "minimum": 0},
}
INFER_BODY: dict[str, Any] = {
    "required": True,
    "description": f"If {JSON_LENGTH_HEADER} is 0, the body is one FP32 tensor without JSON: 256 bytes for each image.",
    "content": {"application/json": {"schema": schema_reference(InferRequest)}, **OCTETS},
}
INFER_REPLY: dict[str, Any] = {
    "model": InferReply,
    "content": OCTETS,
    "headers": {
        JSON_LENGTH_HEADER: _JSON_LENGTH,
        "Content-Encoding": {"description": "Coding chosen by Accept-Encoding.", "schema": {"type": "string"}},
    },
}


def infer_parameters(*names: str) -> list[dict[str, Any]]:
    """Describe the parameters of an inference request.

    Args:
        names: Names of the parameters in its path.
    Returns:
        The value of `parameters` of an operation.
    """
    parameters: list[dict[str, Any]] = [{"name": JSON_LENGTH_HEADER, "in": "header", "required": False, **_JSON_LENGTH}]
    for name in names:
        # Without a description, the schema would equal the one of the optional field `id` of the request. Then
        # openapi-generator makes the parameter optional, too.
        text = {"description": _DESCRIPTIONS[name]}
        parameters.append({"name": name, "in": "path", "required": True, "schema": {"type": "string", **text}, **text})
    return parameters
