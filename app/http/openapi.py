"""The parts of the OpenAPI document that FastAPI does not derive from the signatures of the endpoints.

FastAPI puts an error response under the media type of the reply, but a problem document has its own media type. So the
error responses refer to schemas by name, and `complete_document` adds these schemas.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from fastapi.routing import APIRoute
from pydantic import JsonValue, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from app.http.problems import ErrorFormat

SCHEMA_REFERENCE = "#/components/schemas/{model}"
FRAMEWORK_ERRORS = ("HTTPValidationError", "ValidationError")  # schemas of the error 422 that FastAPI documents

# Errors that can answer any request, and errors that can answer a request with a body.
STATUSES_OF_REQUESTS = (400, 431, 500, 503)
STATUSES_OF_BODIES = (408, 413, 415, 422)
HEADERS: dict[str, Any] = {
    "X-Request-Id": {
        "description": "The id of the request if it is valid, or a new one.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait. Missing if the service is stopping.",
        "schema": {"type": "integer"},
    },
    "WWW-Authenticate": {"description": "The scheme Bearer.", "schema": {"type": "string"}},
}
STATUS_OF_HEADER = {"Retry-After": 503, "WWW-Authenticate": 401}  # every error response has the other headers
SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key as bearer token."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "A key in a header of its own."},
}


def schema_reference(documented: type) -> dict[str, Any]:
    """Refer to the schema of a type.

    Args:
        documented: A pydantic model or a TypedDict.
    Returns:
        The reference, as OpenAPI writes it.
    """
    return {"$ref": SCHEMA_REFERENCE.format(model=documented.__name__)}


def documented_errors(error_format: ErrorFormat, *statuses: int) -> dict[int | str, dict[str, Any]]:
    """Refer to the descriptions of an operation's error responses.

    Args:
        error_format: The format of the error responses.
        statuses: The error statuses of this operation, besides those of every request; the format may replace them.
    Returns:
        The value of an operation's argument `responses`.
    """
    used = sorted({error_format.status_of(status) for status in (*STATUSES_OF_REQUESTS, *statuses)})
    return {status: {"$ref": f"#/components/responses/{_response_name(error_format, status)}"} for status in used}


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


def complete_document(
    document: dict[str, Any], documented_types: Sequence[type], error_formats: Sequence[ErrorFormat]
) -> None:
    """Add what the document refers to, and remove what generators of clients cannot use.

    Generators name classes after the titles of fields, and these titles have blanks. A field with a default is not
    optional for openapi-typescript, even if the default is null. An integer without a format has 32 bits in Rust and
    Java. FastAPI documents its own error 422, but the service has another form of it.

    Args:
        document: The document that FastAPI has generated; it is changed.
        documented_types: Types with a `schema_reference`.
        error_formats: The formats of the error responses.
    """
    paths, components = document["paths"], document["components"]
    for operation in chain.from_iterable(operations.values() for operations in paths.values()):
        responses = operation["responses"].items()
        operation["responses"] = {
            status: {"$ref": response["$ref"]} if "$ref" in response else response  # without FastAPI's description
            for status, response in responses
            if FRAMEWORK_ERRORS[0] not in str(response)
        }
    used = str(paths)
    components["headers"] = HEADERS
    components["responses"] = {
        name: _error_response(error_format, status)
        for error_format in error_formats
        for status in error_format.descriptions
        if (name := _response_name(error_format, status)) in used
    }
    components["schemas"] |= _schemas([*documented_types, *(error_format.body_type for error_format in error_formats)])
    for name in FRAMEWORK_ERRORS:
        del components["schemas"][name]
    document["paths"], document["components"] = map(_simplified, (paths, components))
    for name, schema in document["components"]["schemas"].items():
        schema["title"] = name


def document_keys(document: dict[str, Any], needs_key: Callable[[str], bool], *, has_keys: bool) -> None:
    """Add the two ways to send a key, and the error 401, to the operations that need a key.

    Args:
        document: The document that FastAPI has generated; it is changed.
        needs_key: Function from a path to True if its requests need a key.
        has_keys: False if the service is open, so that a key is optional.
    """
    document["components"]["securitySchemes"] = SECURITY_SCHEMES
    ways: list[dict[str, list[str]]] = [{name: []} for name in SECURITY_SCHEMES]
    for path, operations in document["paths"].items():
        for operation in operations.values() if needs_key(path) else ():
            operation["security"] = ways if has_keys else [*ways, {}]
            internal_error = operation["responses"]["500"]["$ref"]
            operation["responses"]["401"] = {"$ref": internal_error.removesuffix("500") + "401"}


def _response_name(error_format: ErrorFormat, status: int) -> str:
    return f"{error_format.body_type.__name__}{status}"


def _error_response(error_format: ErrorFormat, status: int) -> dict[str, Any]:
    """Describe the error responses with one status."""
    headers = {
        name: {"$ref": f"#/components/headers/{name}"}
        for name in HEADERS
        if STATUS_OF_HEADER.get(name, status) == status
    }
    return {
        "description": error_format.descriptions[status],
        "headers": headers,
        "content": {error_format.media_type: {"schema": schema_reference(error_format.body_type)}},
    }


def _schemas(documented_types: Sequence[type]) -> dict[str, Any]:
    """Generate the schemas of types and of all types that they contain."""
    inputs: list[tuple[type, JsonSchemaMode, TypeAdapter[Any]]]
    inputs = [(each, "validation", TypeAdapter(each)) for each in documented_types]
    _, definitions = TypeAdapter.json_schemas(inputs, ref_template=SCHEMA_REFERENCE)
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas


def _simplified(node: JsonValue) -> JsonValue:
    """Copy a part of a document without the titles and null defaults of schemas, and give integers their format.

    A property of the name `title` is not a title: its value is an object.
    """
    if isinstance(node, list):
        return [_simplified(child) for child in node]
    if not isinstance(node, dict):
        return node
    is_removed = {"title": isinstance(node.get("title"), str), "default": node.get("default") is None}
    copy = {key: _simplified(child) for key, child in node.items() if not is_removed.get(key)}
    return {**copy, "format": "int64"} if copy.get("type") == "integer" else copy
