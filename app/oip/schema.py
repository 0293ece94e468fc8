"""How bodies that are read raw look in OpenAPI, which knows of them what is written here."""

from typing import Any

from pydantic import JsonValue, TypeAdapter

from app.oip.envelope import HEADER_LENGTH
from app.oip.messages import IndexRequest, InferReply, InferRequest

OCTETS = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def inlined(node: JsonValue, definitions: dict[str, JsonValue]) -> JsonValue:
    """Put every definition in the place of its reference, because OpenAPI looks for them elsewhere.

    Args:
        node: A JSON schema or a part of one.
        definitions: Its `$defs`.
    Returns:
        The same without references.
    Example:
        >>> inlined({"items": {"$ref": "#/$defs/Pixel"}}, {"Pixel": {"type": "number"}})
        {'items': {'type': 'number'}}
    """
    if isinstance(node, dict):
        if "$ref" in node:
            return inlined(definitions[str(node["$ref"]).removeprefix("#/$defs/")], definitions)
        return {key: inlined(value, definitions) for key, value in node.items() if key != "$defs"}
    return [inlined(item, definitions) for item in node] if isinstance(node, list) else node


_SCHEMA = TypeAdapter(InferRequest).json_schema()

INFER_BODY: dict[str, Any] = {
    "required": True,
    "content": {"application/json": {"schema": inlined(_SCHEMA, _SCHEMA["$defs"])}, **OCTETS},
}
INDEX_BODY: dict[str, Any] = {
    "content": {"application/json": {"schema": TypeAdapter(IndexRequest).json_schema()}}
}
INFER_REPLY: dict[str, Any] = {
    "model": InferReply,
    "content": OCTETS,
    "headers": {
        HEADER_LENGTH: {"description": "Bytes of JSON, if others follow.", "schema": {"type": "integer"}},
        "Content-Encoding": {"description": "As Accept-Encoding asked.", "schema": {"type": "string"}},
    },
}
