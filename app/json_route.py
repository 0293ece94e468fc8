"""A route that reads and writes JSON in one pass each.

FastAPI decodes a body with `json`, hands the objects to pydantic, and refuses what `curl -d` sends
by default for its Content-Type. Here pydantic validates the bytes and writes the bytes; the
signature of the endpoint still says everything, so OpenAPI is generated as for any other route.
"""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, get_type_hints

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from typing_extensions import override

T = TypeVar("T")

# pydantic makes Python objects of what it refuses: 2 MiB of empty lists took 0.4 s, and 9 KB of gzip hold as
# many. In a batch of images a list or object takes at least 16 bytes.
BYTES_A_LIST = 16
SPARE_LISTS = 1000
MAX_FAULTS = 20  # lists stop at their first; more than these are unknown fields, by the thousand

# What a client sends that was told nothing: no Content-Type at all, or curl's.
TAKEN_AS_JSON = ("", "application/json", "application/x-www-form-urlencoded")


class JsonRoute(APIRoute):
    """A route for endpoints of the form `async (body: Model) -> Reply`."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        types = get_type_hints(self.endpoint, include_extras=True)
        reply = TypeAdapter(types.pop("return"))
        (body,) = map(TypeAdapter, types.values())

        async def handle(request: Request) -> Response:
            require_json(request.headers.get("content-type", ""))
            answer = await self.endpoint(parse(body, await request.body()))
            return Response(reply.dump_json(answer), media_type="application/json")

        return handle


def require_json(content_type: str) -> None:
    """Refuse a body that says it is not JSON.

    Args:
        content_type: Value of the header, empty if there was none.
    Raises:
        HTTPException: 415, with what would be taken.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in TAKEN_AS_JSON and not media_type.endswith("+json"):
        raise HTTPException(415, "The body must be application/json.")


def parse(body: TypeAdapter[T], data: bytes) -> T:
    """Validate the bytes of a JSON body.

    Args:
        body: What it must be.
        data: The bytes.
    Returns:
        The validated body.
    Raises:
        RequestValidationError: It is not JSON, or not that; or it is a heap of lists that no request is.
    """
    if data.count(b"[") + data.count(b"{") > SPARE_LISTS + len(data) // BYTES_A_LIST:
        raise _unfit(
            f"must have at most {SPARE_LISTS} lists and objects, and one for each {BYTES_A_LIST} bytes"
        )
    try:
        return body.validate_json(data)
    except ValidationError as error:
        if error.error_count() > MAX_FAULTS:
            raise _unfit(f"must not have more than {MAX_FAULTS} faults") from error
        faults = error.errors(include_url=False, include_input=False)
        raise RequestValidationError(
            [{**fault, "loc": ("body", *fault["loc"])} for fault in faults]
        ) from error


def _unfit(rule: str) -> RequestValidationError:
    """Say what a body as a whole lacks."""
    return RequestValidationError([{"type": "body", "loc": ("body",), "msg": rule}])
