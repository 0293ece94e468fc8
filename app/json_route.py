"""A route that reads and writes JSON in one pass each.

FastAPI decodes a body with `json`, hands the objects to pydantic, and refuses what `curl -d` sends
by default for its Content-Type. Here pydantic validates the bytes and writes the bytes; the
signature of the endpoint still says everything, so OpenAPI is generated as for any other route.
"""

from collections.abc import Callable, Coroutine
from functools import cached_property
from typing import Any, TypeAlias, TypeVar, get_type_hints

import numpy as np
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from typing_extensions import override

from app.schemas import meant

T = TypeVar("T")
BytesToBytes: TypeAlias = Callable[[bytes], Coroutine[Any, Any, bytes]]

MAX_FAULTS = 20  # lists stop at their first; more than these are unknown fields, by the thousand
TOO_MANY_FAULTS = f"must not have more than {MAX_FAULTS} faults"

JSON = "application/json"
# What a client sends that was told nothing: no Content-Type at all, or curl's.
TAKEN_AS_JSON = ("", JSON, "application/x-www-form-urlencoded")


class JsonRoute(APIRoute):
    """A route to an endpoint of the form `async (body: Model) -> Reply`.

    The endpoint refuses before it does anything else, because a body that it refuses may come a second time
    (`shortcut.py`).
    """

    max_values: int  # most that a body may hold

    @cached_property
    def answer(self) -> BytesToBytes:
        """Turns a body into that of the reply; raises what refuses it."""
        types = get_type_hints(self.endpoint, include_extras=True)
        reply = TypeAdapter(types.pop("return"))
        (body,) = map(TypeAdapter, types.values())

        async def parse_ask_dump(data: bytes) -> bytes:
            return reply.dump_json(await self.endpoint(parse(body, data, self.max_values)))

        return parse_ask_dump

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = self.answer

        async def handle(request: Request) -> Response:
            if not is_json(request.headers.get("content-type", "")):
                raise HTTPException(415, "The body must be application/json.")
            return Response(await answer(await request.body()), media_type=JSON)

        return handle


def json_route(max_values: int) -> type[JsonRoute]:
    """Make a class of routes that read and write JSON.

    Args:
        max_values: Most values that a body may hold.
    Returns:
        What a router takes as its `route_class`.
    """
    return type("BoundedJsonRoute", (JsonRoute,), {"max_values": max_values})


def is_json(content_type: str) -> bool:
    """Say whether a body is to be taken as JSON.

    Args:
        content_type: Value of the header, empty if there was none.
    Returns:
        Whether it is.
    """
    if content_type == JSON:
        return True
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in TAKEN_AS_JSON or media_type.endswith("+json")


def parse(body: TypeAdapter[T], data: bytes, max_values: int) -> T:
    """Validate the bytes of a JSON body.

    Args:
        body: What it must be.
        data: The bytes.
        max_values: Most values that it may hold.
    Returns:
        The validated body.
    Raises:
        RequestValidationError: It is not JSON, or not that, or holds more.
    """
    # pydantic makes Python objects of what it refuses, once for each fault: 2 MiB of empty lists took 0.4 s,
    # of nested ones 600 MiB, and 9 KB of gzip hold as many.
    if len(data) > max_values and count_values(data) > max_values:
        raise _unfit(f"must not hold more than {max_values} values")
    try:
        return body.validate_json(data)
    except ValidationError as error:
        if error.error_count() > MAX_FAULTS + 1:  # an image that fits neither layout has two
            raise _unfit(TOO_MANY_FAULTS) from error
        faults = meant(error.errors(include_url=False, include_input=False))
        if len(faults) > MAX_FAULTS:
            raise _unfit(TOO_MANY_FAULTS) from error
        raise RequestValidationError(
            [{**fault, "loc": ("body", *fault["loc"])} for fault in faults]
        ) from error


def count_values(data: bytes) -> int:
    """Count the values of a JSON text, without parsing it.

    Args:
        data: The text.
    Returns:
        Its lists, objects and commas: at least as many as it has values but the outermost.
    Example:
        >>> count_values(b'{"pixels": [0, 0, 7]}')
        4
    """
    marks = np.frombuffer(data, np.uint8)
    return sum(int(np.count_nonzero(marks == ord(mark))) for mark in "[{,")


def _unfit(rule: str) -> RequestValidationError:
    """Say what a body as a whole lacks."""
    return RequestValidationError([{"type": "body", "loc": ("body",), "msg": rule}])
