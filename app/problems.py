"""Errors on the wire: every 4xx and 5xx has one of two forms.

Below `/v2` it is `{"error": …}`, as the protocol wants that is spoken there; elsewhere a problem document
(RFC 9457). A message names the place and the bound that it broke, and never repeats what was sent.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.types import Message, Receive, Scope, Send

from app.address import address
from app.oip import messages as oip
from app.oip.errors import InvalidError, OipError, TooLargeError, UnsupportedError
from app.schemas import LAYOUTS, FieldError, ProblemReply

MEDIA_TYPE = "application/problem+json"
OIP_MEDIA_TYPE = "application/json"
OURS = "digits.refusal"  # key of a scope
OIP_INVALID = {422: 400}  # that protocol knows one kind of invalid input
OIP_STATUS: dict[type[OipError], int] = {InvalidError: 400, TooLargeError: 413, UnsupportedError: 501}
FRAMEWORKS_WORDS = ("Not Found", "Content Too Large")  # say less than we can
MAX_NAME_LENGTH = 40  # of an unknown field; it is the caller's text, so it is quoted sparingly

# The one table: status → slug, title.
KINDS: dict[int, tuple[str, str]] = {
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

# pydantic's error type → what must hold, with pydantic's own context filled in.
RULES: dict[str, str] = {
    "missing": "is required",
    "extra_forbidden": "is not a known field, or a second name of one",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "list_type": "must be a list",
    "float_type": "must be a number",
    "int_type": "must be an integer",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "finite_number": "must be a finite number",
    "too_short": "must have a length of at least {min_length}",
    "too_long": "must have a length of at most {max_length}",
    "json_invalid": "is not valid JSON: {error}",
}

SILENT = {*LAYOUTS, *oip.LAYOUTS}  # stand in pydantic's paths after a field whose layout it chose

_PROBLEM = TypeAdapter(ProblemReply)
_OIP_ERROR = TypeAdapter(oip.ErrorReply)


def install(app: FastAPI) -> None:
    """Make an application answer its errors in these two forms.

    Args:
        app: The application.
    """
    app.exception_handler(RequestValidationError)(_on_invalid_input)
    app.exception_handler(HTTPException)(_on_http_exception)
    app.exception_handler(OipError)(_on_oip_error)


def refusal(
    scope: Scope,
    status: int,
    detail: str | None = None,
    errors: Sequence[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Say no, in the form of the address that was asked.

    Args:
        scope: The request's; it is marked, so that the answer is known for ours on its way out.
        status: HTTP status, 400…599.
        detail: What is wrong with this request; the kind's title if there is no more to say.
        errors: Each fault of the input, for a problem document.
        headers: Further headers.
    Returns:
        The response.
    """
    scope[OURS] = True
    slug, title = KINDS.get(status, KINDS[500 if status >= 500 else 400])
    detail = detail or f"{title}."
    if _speaks_oip(scope):
        body = _OIP_ERROR.dump_json(oip.ErrorReply(error=detail))
        return Response(body, OIP_INVALID.get(status, status), headers, OIP_MEDIA_TYPE)
    problem = ProblemReply(type=f"urn:digits:problem:{slug}", title=title, status=status, detail=detail)
    if errors is not None:
        problem["errors"] = list(errors)
    return Response(_PROBLEM.dump_json(problem), status, headers, MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe problem documents for OpenAPI.

    Args:
        statuses: The errors that an operation can answer.
    Returns:
        The `responses` of the operation.
    """
    content = {MEDIA_TYPE: {"schema": _PROBLEM.json_schema()}}
    return {status: {"description": KINDS[status][1], "content": content} for status in statuses}


def oip_documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors of the Open Inference Protocol for OpenAPI.

    Args:
        statuses: The errors that an operation can answer.
    Returns:
        The `responses` of the operation.
    """
    content = {OIP_MEDIA_TYPE: {"schema": _OIP_ERROR.json_schema()}}
    titles = {501: "The service does not do this", **{status: title for status, (_, title) in KINDS.items()}}
    described: dict[int | str, str] = {status: titles[status] for status in statuses}
    described["default"] = "Any other error"  # or FastAPI adds a 422 in its own form
    return {status: {"description": words, "content": content} for status, words in described.items()}


def as_problems(scope: Scope, receive: Receive, send: Send) -> Send:
    """Turn errors that somebody else wrote into problem documents on their way out.

    The framework's body limit answers 413 in plain text, past every exception handler.

    Args:
        scope: The request's.
        receive: The request's.
        send: Where messages go.
    Returns:
        What the application is to send through.
    """
    is_replaced = False

    async def send_problem(message: Message) -> None:
        nonlocal is_replaced
        if message["type"] == "http.response.start" and _is_foreign_error(message, scope):
            is_replaced = True
            await _for_status(message["status"], scope)(scope, receive, send)
        elif not is_replaced:
            await send(message)

    return send_problem


def _is_foreign_error(message: Message, scope: Scope) -> bool:
    """Whether an answer is an error that `refusal` did not write, or one that was put in its place."""
    if message["status"] < 400:
        return False
    media_type = OIP_MEDIA_TYPE if _speaks_oip(scope) else MEDIA_TYPE
    return OURS not in scope or (b"content-type", media_type.encode()) not in message["headers"]


def _speaks_oip(scope: Scope) -> bool:
    """Whether an address is one of the protocol's."""
    path = address(scope)
    return path == "/v2" or path.startswith("/v2/")


def _for_status(
    status: int, scope: Scope, detail: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Say what a status means here, unless whoever raised it said more than the framework does."""
    if status == 405:
        detail = f"This address takes {(headers or {}).get('Allow', 'other methods')}."
    elif detail in FRAMEWORKS_WORDS:
        detail = None
    if status == 413 and detail is None:
        detail = f"The body must be at most {scope.get(MAX_BODY_SIZE_SCOPE_KEY)} bytes."
    return refusal(scope, status, detail, headers=headers)


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    return _for_status(error.status_code, request.scope, error.detail, error.headers)


async def _on_invalid_input(request: Request, error: RequestValidationError) -> Response:
    errors = [_field_error(fault) for fault in error.errors()]
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    return refusal(request.scope, 422, f"{_place(errors[0]['loc'])} {errors[0]['msg']}{more}", errors)


async def _on_oip_error(request: Request, error: OipError) -> Response:
    return refusal(request.scope, OIP_STATUS[type(error)], str(error))


def _field_error(fault: Mapping[str, Any]) -> FieldError:
    """Put one of pydantic's errors in our words; what was sent stays out."""
    loc = [part if isinstance(part, int) else part[:MAX_NAME_LENGTH] for part in fault["loc"]]
    # After a field stands the layout that pydantic chose for it, which no client needs to know.
    path = [part for depth, part in enumerate(loc) if depth < 2 or part not in SILENT]
    rule = RULES.get(fault["type"])
    return FieldError(loc=path, msg=rule.format_map(fault.get("ctx", {})) if rule else fault["msg"])


def _place(loc: Sequence[str | int]) -> str:
    """Write a path as people write it: `images[7][3]`; the first part says body or query.

    Example:
        >>> _place(["body", "images", 7, 3])
        'images[7][3]'
    """
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc[1:])
    return path.removeprefix(".") or f"the {loc[0]}"
