"""Error responses of the Open Inference Protocol: `{"error": …}` for every address below `/v2`."""

from pydantic import TypeAdapter

from app.http.problems import ERROR_DESCRIPTIONS, ErrorFormat, InvalidInput
from app.oip.codec.errors import InvalidError, UnsupportedError
from app.oip.codec.messages import ErrorReply

OIP_PREFIX = "/v2"
STATUS_BY_ERROR: dict[type[Exception], int] = {InvalidError: 400, UnsupportedError: 501}

_ERROR = TypeAdapter(ErrorReply)


def _write_error(_status: int, detail: str, _invalid: InvalidInput | None) -> bytes:
    return _ERROR.dump_json(ErrorReply(error=detail))


# The protocol has one status for all invalid input, and another one for all that is not supported.
REPLACED_STATUSES = {422: 400, 415: 501}
DESCRIPTIONS = {
    **ERROR_DESCRIPTIONS,
    400: "The input is invalid, or the request does not have exactly one Host header. `error` names the place.",
    413: "The body has too many bytes or chunks. `error` names the limit.",
    501: "The Content-Encoding is not gzip or deflate, or a tensor is in shared memory.",
}
OIP_ERROR_FORMAT = ErrorFormat("application/json", ErrorReply, _write_error, REPLACED_STATUSES, DESCRIPTIONS)
