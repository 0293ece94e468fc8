"""Problem documents (RFC 9457): the default format of an error response."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple, NotRequired

from pydantic import Field, TypeAdapter, WithJsonSchema
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from app.http.field_errors import FieldError

# Status → identifier and title of the problem.
PROBLEM_TYPES: dict[int, tuple[str, str]] = {
    400: ("bad-request", "The request cannot be understood"),
    404: ("not-found", "There is nothing at this address"),
    405: ("method-not-allowed", "This address does not take this method"),
    408: ("request-timeout", "The request took too long to arrive"),
    413: ("body-too-large", "The body or what it holds is too large"),
    415: ("unsupported-media-type", "The body is of a kind that this address does not take"),
    422: ("invalid-input", "The request does not fit the schema"),
    431: ("head-too-large", "The headers are too large"),
    500: ("internal-error", "The service failed"),
    503: ("unavailable", "The service cannot answer now"),
}

# Written out, because OpenAPI cannot refer to a nested type from inside a `responses` entry.
_LOCATION_SCHEMA = {"type": "array", "items": {"type": ["string", "integer"]}}
_FIELD_ERROR_PROPERTIES = {"loc": _LOCATION_SCHEMA, "msg": {"type": "string"}}
_FIELD_ERRORS_SCHEMA = WithJsonSchema(
    {
        "type": "array",
        "description": "For invalid input: the path to each error and the rule that it breaks.",
        "items": {"type": "object", "required": ["loc", "msg"], "properties": _FIELD_ERROR_PROPERTIES},
    }
)


class ProblemReply(TypedDict):
    """A problem document, RFC 9457."""

    type: Annotated[str, Field(description="Identifier of the kind of problem.")]
    title: Annotated[str, Field(description="The kind of problem in words.")]
    status: int
    detail: Annotated[str, Field(description="The problem of this request.")]
    errors: NotRequired[Annotated[list[FieldError], _FIELD_ERRORS_SCHEMA]]


_PROBLEM = TypeAdapter(ProblemReply)


class ErrorFormat(NamedTuple):
    """The format of error responses.

    Args:
        media_type: Media type of the body.
        write: Function from status, detail and field errors to the status and body to send; a format may replace the
            status by the one that its protocol defines.
    """

    media_type: str
    write: Callable[[int, str, Sequence[FieldError] | None], tuple[int, bytes]]


def _write_problem(status: int, detail: str, errors: Sequence[FieldError] | None) -> tuple[int, bytes]:
    identifier, title = problem_type(status)
    problem = ProblemReply(type=f"urn:digits:problem:{identifier}", title=title, status=status, detail=detail)
    if errors is not None:
        problem["errors"] = list(errors)
    return status, _PROBLEM.dump_json(problem)


def problem_type(status: int) -> tuple[str, str]:
    """Return the kind of problem that a status stands for.

    Args:
        status: HTTP status, 400 to 599.
    Returns:
        The identifier and the title of the kind; the title has no full stop.
    """
    return PROBLEM_TYPES.get(status, PROBLEM_TYPES[500 if status >= 500 else 400])


PROBLEM_FORMAT = ErrorFormat("application/problem+json", _write_problem)


def documented_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe problem documents for OpenAPI.

    Args:
        statuses: The error statuses of an operation, each a key of `PROBLEM_TYPES`.
    Returns:
        The value of an operation's argument `responses`.
    """
    content = {PROBLEM_FORMAT.media_type: {"schema": _PROBLEM.json_schema()}}
    return {status: {"description": PROBLEM_TYPES[status][1], "content": content} for status in statuses}
