"""Error responses of the Open Inference Protocol: `{"error": …}` for every address below `/v2`."""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from app.http.field_errors import FieldError
from app.http.problems import PROBLEM_TYPES, ErrorFormat
from app.oip.codec.errors import InvalidError, UnsupportedError
from app.oip.codec.messages import ErrorReply

OIP_PREFIX = "/v2"
STATUS_BY_ERROR: dict[type[Exception], int] = {InvalidError: 400, UnsupportedError: 501}
# The protocol has one status for all invalid input, and another one for all that is not supported.
STATUS_BY_HTTP_STATUS = {422: 400, 415: 501}

_ERROR = TypeAdapter(ErrorReply)


def _write_error(status: int, detail: str, _: Sequence[FieldError] | None) -> tuple[int, bytes]:
    return STATUS_BY_HTTP_STATUS.get(status, status), _ERROR.dump_json(ErrorReply(error=detail))


OIP_ERROR_FORMAT = ErrorFormat("application/json", _write_error)


def documented_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the protocol's error responses for OpenAPI.

    Args:
        statuses: The error statuses of an operation.
    Returns:
        The value of an operation's argument `responses`.
    """
    content = {OIP_ERROR_FORMAT.media_type: {"schema": _ERROR.json_schema()}}
    titles = {501: "The service does not do this", **{code: title for code, (_, title) in PROBLEM_TYPES.items()}}
    descriptions: dict[int | str, str] = {status: titles[status] for status in statuses}
    descriptions["default"] = "Any other error"  # without it FastAPI adds a 422 in its own form
    return {status: {"description": text, "content": content} for status, text in descriptions.items()}
