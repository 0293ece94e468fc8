"""Problem documents (RFC 9457): the default format of an error response."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, NamedTuple, NotRequired

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from app.http.field_errors import FieldError

# Status → identifier and title of the problem.
PROBLEM_TYPES: dict[int, tuple[str, str]] = {
    400: ("bad-request", "The request cannot be understood"),
    401: ("unauthorized", "The request needs a valid API key"),
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
# Identifier → title of problems that are more specific than their status.
SPECIFIC_PROBLEM_TYPES = {"several-digits": "The picture shows several digits"}
# Status → when it is answered, and what a client can do, for OpenAPI.
ERROR_DESCRIPTIONS = {
    400: "The request does not have exactly one Host header, or its multipart form is malformed.",
    401: "The service has keys, and the request has no valid one. Send it in `Authorization: Bearer` or `X-API-Key`.",
    404: "There is no such model or version.",
    408: "The body did not arrive in time. Send the request again.",
    413: "The body has too many bytes or chunks, or the picture has too many pixels. `detail` names the limit.",
    415: "The Content-Type, the Content-Encoding or the format of a picture is not supported.",
    422: "The input is invalid: JSON, type, length, pixel, field, number of images, query, compressed data or picture. "
    "`errors` names each place. Change the request before sending it again. A picture with several digits has a "
    "problem type of its own.",
    431: "The request line and the headers exceed 64 KiB. Far above this limit, the answer has no body.",
    500: "The service failed. Its log has the reason, with the value of `X-Request-Id`.",
    503: "The service is busy or stopping. If the answer has `Retry-After`, repeat the request after this time. "
    "Otherwise send it to another replica.",
}

PROBLEM_PREFIX = "urn:digits:problem:"
_KINDS = ", ".join([*(identifier for identifier, _ in PROBLEM_TYPES.values()), *SPECIFIC_PROBLEM_TYPES])


class ProblemReply(TypedDict):
    """A problem document, RFC 9457."""

    type: Annotated[str, Field(description=f"The kind of problem: {PROBLEM_PREFIX} followed by one of {_KINDS}.")]
    title: Annotated[str, Field(description="The kind of problem in words.")]
    status: Annotated[int, Field(description="The status of the answer.")]
    detail: Annotated[str, Field(description="The problem of this request.")]
    errors: NotRequired[
        Annotated[list[FieldError], Field(description="The errors of the input, if the status is 422.")]
    ]


_PROBLEM = TypeAdapter(ProblemReply)


class InvalidInput(NamedTuple):
    """What is invalid in the input of a request.

    Args:
        errors: The errors, at least one.
        kind: A key of `SPECIFIC_PROBLEM_TYPES`, or None if the kind of problem is that of the status.
    """

    errors: Sequence[FieldError]
    kind: str | None


class ErrorFormat(NamedTuple):
    """The format of error responses.

    Args:
        media_type: Media type of the body.
        body_type: Type of the body, for OpenAPI.
        write: Function from status, detail and what is invalid to the body.
        replaced_statuses: Statuses that the protocol of this format does not use → statuses that it uses instead.
        descriptions: Status → when it is answered, for OpenAPI.
    """

    media_type: str
    body_type: type
    write: Callable[[int, str, InvalidInput | None], bytes]
    replaced_statuses: Mapping[int, int] = MappingProxyType({})
    descriptions: Mapping[int, str] = MappingProxyType(ERROR_DESCRIPTIONS)

    def status_of(self, status: int) -> int:
        """Return the status that this format uses.

        Args:
            status: HTTP status, 400 to 599.
        Returns:
            The same status, or the one that replaces it.
        """
        return self.replaced_statuses.get(status, status)


def _write_problem(status: int, detail: str, invalid: InvalidInput | None) -> bytes:
    identifier, title = problem_type(status, invalid.kind if invalid else None)
    problem = ProblemReply(type=f"{PROBLEM_PREFIX}{identifier}", title=title, status=status, detail=detail)
    if invalid is not None:
        problem["errors"] = list(invalid.errors)
    return _PROBLEM.dump_json(problem)


def problem_type(status: int, kind: str | None = None) -> tuple[str, str]:
    """Return the kind of problem that a status stands for, or a more specific one.

    Args:
        status: HTTP status, 400 to 599.
        kind: A key of `SPECIFIC_PROBLEM_TYPES`, or None.
    Returns:
        The identifier and the title of the kind; the title has no full stop.
    """
    if kind is not None:
        return kind, SPECIFIC_PROBLEM_TYPES[kind]
    return PROBLEM_TYPES.get(status, PROBLEM_TYPES[500 if status >= 500 else 400])


PROBLEM_FORMAT = ErrorFormat("application/problem+json", ProblemReply, _write_problem)
