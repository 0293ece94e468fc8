"""Routes that parse a JSON body and write a JSON reply, each in one pass.

FastAPI decodes a body with `json`, passes the objects to pydantic, and rejects the Content-Type that `curl
-d` sends by default. Here pydantic validates the bytes directly and writes bytes directly. The signature of
the endpoint still has all types, so FastAPI generates the OpenAPI document as for any other route.
"""

from collections.abc import Callable, Coroutine, Sequence
from functools import cached_property
from typing import Any, TypeAlias, TypeVar, get_type_hints

import numpy as np
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from typing_extensions import override

from app.http.headers import JSON, is_parsed_as_json

T = TypeVar("T")
BytesToBytes: TypeAlias = Callable[[bytes], Coroutine[Any, Any, bytes]]
# Selects the errors to report, because pydantic reports the errors of every member of a union.
SelectErrors: TypeAlias = Callable[[Sequence[ErrorDetails]], list[ErrorDetails]]

# The lists of all bodies have `fail_fast`: validation stops at the first error in a list. So only unknown
# fields can cause more than `MAX_ERRORS` errors.
MAX_ERRORS = 20
TOO_MANY_ERRORS = f"must not have more than {MAX_ERRORS} faults"


class JsonRoute(APIRoute):
    """A route to an endpoint of the form `async (body: Model) -> Reply`.

    The endpoint must reject an invalid body before it does anything else, because the framework may pass a
    rejected body to it a second time (`fast_path.py`).
    """

    max_values: int  # largest number of JSON values in a body
    select_errors: SelectErrors

    @cached_property
    def answer(self) -> BytesToBytes:
        """Function from the bytes of a body to the bytes of the reply; it raises an error for an invalid body."""
        types = get_type_hints(self.endpoint, include_extras=True)
        reply = TypeAdapter(types.pop("return"))
        (body_type,) = map(TypeAdapter, types.values())

        async def parse_and_answer(data: bytes) -> bytes:
            request = parse_json(body_type, data, self.max_values, self.select_errors)
            return reply.dump_json(await self.endpoint(request))

        return parse_and_answer

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = self.answer

        async def handle(request: Request) -> Response:
            if not is_parsed_as_json(request.headers.get("content-type", "")):
                raise HTTPException(415, "The body must be application/json.")
            return Response(await answer(await request.body()), media_type=JSON)

        return handle


def json_route(max_values: int, select_errors: SelectErrors) -> type[JsonRoute]:
    """Create a class of JSON routes.

    Args:
        max_values: Largest number of JSON values in a body.
        select_errors: Function that selects the errors to report.
    Returns:
        The value of a router's argument `route_class`.
    """
    attributes = {"max_values": max_values, "select_errors": staticmethod(select_errors)}
    return type("BoundedJsonRoute", (JsonRoute,), attributes)


def parse_json(body_type: TypeAdapter[T], body: bytes, max_values: int, select_errors: SelectErrors) -> T:
    """Parse and validate a JSON body.

    Args:
        body_type: Type of the body.
        body: Bytes of the body.
        max_values: Largest number of JSON values in the body.
        select_errors: Function that selects the errors to report.
    Returns:
        The validated body.
    Raises:
        RequestValidationError: The body is not JSON, does not fit its type, or has too many values.
    """
    # pydantic creates a Python object for each invalid value. Without this limit, a body of 2 MiB took 0.4 s (empty
    # lists) or 600 MiB of memory (nested lists). Compressed by gzip, such a body has only 9 KB.
    if len(body) > max_values and count_values(body) > max_values:
        raise _body_error(f"must not hold more than {max_values} values")
    try:
        return body_type.validate_json(body)
    except ValidationError as error:
        # Lists fail fast, so at most one image is reported. It has two errors if it fits neither format, and
        # `select_errors` removes one of them: hence `+ 1`.
        if error.error_count() > MAX_ERRORS + 1:
            raise _body_error(TOO_MANY_ERRORS) from error
        details = select_errors(error.errors(include_url=False, include_input=False))
        if len(details) > MAX_ERRORS:
            raise _body_error(TOO_MANY_ERRORS) from error
        raise RequestValidationError([{**detail, "loc": ("body", *detail["loc"])} for detail in details]) from error


def count_values(data: bytes) -> int:
    """Estimate the number of values in a JSON text without parsing it.

    Args:
        data: The JSON text.
    Returns:
        The number of the characters `[`, `{` and `,`: never less than the number of values inside the outermost value,
        because n members need one opening bracket and n - 1 commas. It is too large if a list or object is empty, or if
        a text contains such characters.
    Example:
        >>> count_values(b'{"pixels": [0, 0, 7]}')
        4
    """
    characters = np.frombuffer(data, np.uint8)
    return sum(int(np.count_nonzero(characters == ord(mark))) for mark in "[{,")


def _body_error(rule: str) -> RequestValidationError:
    """Create the error for a rule that the body as a whole breaks."""
    return RequestValidationError([{"type": "body", "loc": ("body",), "msg": rule}])
