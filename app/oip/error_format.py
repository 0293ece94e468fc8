"""Error responses of the Open Inference Protocol: `{"error": …}` for every address below `/v2`."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic import TypeAdapter

from app.http.error_responses import ErrorResponses
from app.http.field_errors import FieldError
from app.http.problems import PROBLEM_TYPES, ErrorFormat
from app.oip.codec.errors import InvalidError, OipError, TooLargeError, UnsupportedError
from app.oip.codec.messages import ErrorReply

OIP_PREFIX = "/v2"
STATUS_REPLACEMENTS = {422: 400}  # the protocol has one status for all invalid input
STATUS_BY_ERROR: dict[type[OipError], int] = {InvalidError: 400, TooLargeError: 413, UnsupportedError: 501}

_ERROR = TypeAdapter(ErrorReply)


def _write_error(status: int, detail: str, _: Sequence[FieldError] | None) -> tuple[int, bytes]:
    return STATUS_REPLACEMENTS.get(status, status), _ERROR.dump_json(ErrorReply(error=detail))


OIP_ERROR_FORMAT = ErrorFormat("application/json", _write_error)


def install_codec_error_handler(app: FastAPI, errors: ErrorResponses) -> None:
    """Make an application answer the exceptions of the codec.

    Args:
        app: The application.
        errors: Builder of the error responses, with `OIP_ERROR_FORMAT` registered for `OIP_PREFIX`.
    """

    async def on_codec_error(request: Request, error: OipError) -> Response:
        return errors.build(request.scope, STATUS_BY_ERROR[type(error)], str(error))

    app.exception_handler(OipError)(on_codec_error)


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
