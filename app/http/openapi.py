"""The parts of the OpenAPI document that FastAPI does not derive from the signatures of the endpoints.

FastAPI puts an error response under the media type of the reply, but a problem document has its own media type. So the
error responses refer to schemas by name, and `complete_document` adds these schemas.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Any

from fastapi.routing import APIRoute
from pydantic import JsonValue, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from app.http.problems import ErrorFormat, problem_type

SCHEMA_REFERENCE = "#/components/schemas/{model}"
RETRY_AFTER = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
HEADERS = {
    "RetryAfter": {
        "description": "Seconds to wait before the next attempt; missing if the service is stopping.",
        "schema": {"type": "integer", "minimum": 1},
    }
}

FRAMEWORK_ERRORS = ("HTTPValidationError", "ValidationError")  # schemas of the error 422 that FastAPI documents

# Errors that can answer any request, and errors that can answer a request with a body.
STATUSES_OF_REQUESTS = (400, 431, 500, 503)
STATUSES_OF_BODIES = (408, 413, 415, 422)


def schema_reference(documented: type) -> dict[str, Any]:
    """Refer to the schema of a type.

    Args:
        documented: A pydantic model or a TypedDict.
    Returns:
        The reference, as OpenAPI writes it.
    """
    return {"$ref": SCHEMA_REFERENCE.format(model=documented.__name__)}


def documented_errors(error_format: ErrorFormat, *statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the error responses of an operation.

    Args:
        error_format: The format of the error responses.
        statuses: The error statuses of this operation, besides those of every request; the format may replace them.
    Returns:
        The value of an operation's argument `responses`.
    """
    content = {error_format.media_type: {"schema": schema_reference(error_format.body_type)}}
    responses: dict[int | str, dict[str, Any]] = {}
    for status in sorted({error_format.status_of(status) for status in (*STATUSES_OF_REQUESTS, *statuses)}):
        headers = {"headers": RETRY_AFTER} if status == 503 else {}
        responses[status] = {"description": f"{problem_type(status)[1]}.", "content": content, **headers}
    return responses


def operation_id(route: APIRoute) -> str:
    """Name an operation after the function of its route.

    Args:
        route: The route.
    Returns:
        The name in camel case, with `WithVersion` behind it if the path has the version of a model.
    Example:
        >>> async def predict_batch() -> None: ...
        >>> operation_id(APIRoute("/predict/batch", predict_batch))
        'predictBatch'
    """
    first, *words = route.name.split("_")
    suffix = "WithVersion" if "version" in route.param_convertors else ""
    return first + "".join(word.title() for word in words) + suffix


def complete_document(document: dict[str, Any], documented_types: Iterable[type]) -> None:
    """Add what the document refers to, and remove what generators of clients cannot use.

    The title of a field has blanks, but generators make the name of a class from it. A field with a default is not
    optional for openapi-typescript, even if the default is null. An integer without a format has 32 bits in Rust and
    Java. FastAPI documents its own error 422, which the service replaces by an error response of its own.

    Args:
        document: The document that FastAPI has generated; it is changed.
        documented_types: Types with a `schema_reference`.
    """
    paths, components = document["paths"], document["components"]
    for operation in chain.from_iterable(operations.values() for operations in paths.values()):
        responses = operation["responses"].items()
        operation["responses"] = {key: value for key, value in responses if FRAMEWORK_ERRORS[0] not in str(value)}
    components["headers"] = HEADERS
    components["schemas"] |= _schemas(documented_types)
    for name in FRAMEWORK_ERRORS:
        del components["schemas"][name]
    _simplify([paths, components])
    for name, schema in components["schemas"].items():
        schema["title"] = name


def _schemas(documented_types: Iterable[type]) -> dict[str, Any]:
    """Generate the schemas of types and of all types that they contain."""
    inputs: list[tuple[type, JsonSchemaMode, TypeAdapter[Any]]]
    inputs = [(each, "validation", TypeAdapter(each)) for each in documented_types]
    _, definitions = TypeAdapter.json_schemas(inputs, ref_template=SCHEMA_REFERENCE)
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas


def _simplify(node: JsonValue) -> None:
    """Remove the titles and null defaults of all schemas in a part of a document, and give integers their format.

    A property of the name `title` is not a title: its value is an object.
    """
    if isinstance(node, dict):
        if isinstance(node.get("title"), str):
            del node["title"]
        if node.get("default", ...) is None:
            del node["default"]
        if node.get("type") == "integer":
            node["format"] = "int64"
        node = list(node.values())
    for child in node if isinstance(node, list) else ():
        _simplify(child)
