"""OpenAPI descriptions of the bodies that FastAPI cannot derive from the signature of an endpoint."""

from typing import Any

from pydantic import JsonValue, TypeAdapter

from app.oip.codec.body import JSON_LENGTH_HEADER
from app.oip.codec.messages import InferReply, InferRequest

TAG = "open inference protocol"  # OpenAPI groups the operations by tags
OCTETS = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def inline_definitions(node: JsonValue, definitions: dict[str, JsonValue]) -> JsonValue:
    """Replace every reference in a JSON schema by its definition.

    Args:
        node: A JSON schema or a part of one.
        definitions: The `$defs` of the schema.
    Returns:
        The schema without references.
    Example:
        >>> inline_definitions({"items": {"$ref": "#/$defs/Pixel"}}, {"Pixel": {"type": "number"}})
        {'items': {'type': 'number'}}
    """
    if isinstance(node, dict):
        if "$ref" in node:
            return inline_definitions(definitions[str(node["$ref"]).removeprefix("#/$defs/")], definitions)
        return {key: inline_definitions(value, definitions) for key, value in node.items() if key != "$defs"}
    return [inline_definitions(item, definitions) for item in node] if isinstance(node, list) else node


def path_parameters(*names: str) -> list[dict[str, Any]]:
    """Describe the parameters of a path for OpenAPI; every parameter is a string.

    Args:
        names: Their names.
    Returns:
        The value of `parameters` of an operation.
    """
    schemas = {name: {"type": "string", "title": name.title()} for name in names}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name, schema in schemas.items()]


_SCHEMA = TypeAdapter(InferRequest).json_schema()

INFER_BODY: dict[str, Any] = {
    "required": True,
    "content": {"application/json": {"schema": inline_definitions(_SCHEMA, _SCHEMA["$defs"])}, **OCTETS},
}
INFER_REPLY: dict[str, Any] = {
    "model": InferReply,
    "content": OCTETS,
    "headers": {
        JSON_LENGTH_HEADER: {"description": "Bytes of JSON before binary tensors.", "schema": {"type": "integer"}},
        "Content-Encoding": {"description": "Coding chosen by Accept-Encoding.", "schema": {"type": "string"}},
    },
}
