"""Endpoints that answer a JSON body: from the bytes of a request to its reply or its error response.

FastAPI decodes a body with `json`, passes the objects to pydantic, and rejects the Content-Type that `curl
-d` sends by default. Its route lookup and its per-request objects cost more than a prediction. So a JSON endpoint is an
ASGI application of its own. FastAPI knows it as the endpoint of a route, and generates the OpenAPI document from the
types of its function.
"""

from collections.abc import Awaitable, Callable, Coroutine
from functools import update_wrapper
from typing import Any, TypeAlias, get_type_hints

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from app.http.admission import SMALL_BODY_BYTES, Admission
from app.http.body import bounded_body, check_announced_length, largest_size, receive_part
from app.http.error_responses import ErrorResponses
from app.http.headers import JSON, JSON_BYTES, body_media_type, first_header
from app.http.json_body import BLANKS, BYTE_ORDER_MARK, SelectErrors, parse_json
from app.settings import Settings

# Media types that a client sends when its user set none: no Content-Type at all, or the default of curl.
UNSET_MEDIA_TYPES = ("", "application/x-www-form-urlencoded")
OTHER_TYPE = "The body must be application/json."
TEXT = "text/plain"  # the type that `fetch` of browsers and Node gives to a string


class ReceivedRequest(Request):
    """A request whose body has been received.

    Args:
        scope: ASGI scope of the request.
        content: The body, decoded.
    """

    def __init__(self, scope: Scope, content: bytes) -> None:
        super().__init__(scope)
        self.content = content


Answer: TypeAlias = Callable[[ReceivedRequest], Awaitable[Response]]


class Reply(Response):
    """A response with the status 200; it is created in less than half of the time of its base class.

    Args:
        body: The body.
        media_type: Its media type.
        headers: Additional headers, with names in lower case.
    """

    def __init__(self, body: bytes, media_type: bytes = JSON_BYTES, *headers: tuple[bytes, bytes]) -> None:
        self.status_code, self.body, self.background = 200, body, None
        self.raw_headers = [(b"content-length", b"%d" % len(body)), (b"content-type", media_type), *headers]


class JsonEndpoint:
    """ASGI application that receives a body within a limit, answers it, and builds its own error responses.

    Args:
        answer: Function that answers a request. For invalid input it raises one of `errors.exceptions`.
        check_head: Function that rejects an unacceptable head, before the body is received, in the same way.
        admission: Queue of the requests with large bodies; it also limits the size of a body.
        errors: Builder of the error responses.
        documented: Function whose name, types and docstring FastAPI documents; by default `answer`.
    """

    def __init__(
        self,
        answer: Answer,
        *,
        check_head: Callable[[Scope], None],
        admission: Admission,
        errors: ErrorResponses,
        documented: Callable[..., Any] | None = None,
    ) -> None:
        update_wrapper(self, documented or answer)
        self._answer, self._check_head = answer, check_head
        self._admission, self._errors = admission, errors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as ASGI defines it."""
        response = await self.respond(scope, receive)
        await response(scope, receive, send)

    async def respond(self, scope: Scope, receive: Receive) -> Response:
        """Receive a request and answer it.

        Args:
            scope: ASGI scope of the request.
            receive: ASGI receive function of the request.
        Returns:
            The reply or an error response.
        """
        try:
            length = check_announced_length(scope, self._admission.largest.bytes)
            self._check_head(scope)
            return await self._receive_and_answer(scope, receive, length)
        except self._errors.exceptions as error:
            return self._errors.respond(scope, error)

    async def _receive_and_answer(self, scope: Scope, receive: Receive, length: int | None) -> Response:
        """Answer a small request at once, and a large request when it has its turn."""
        max_bytes, body, is_complete = self._admission.largest.bytes, b"", False
        receive = bounded_body(scope, receive, max_bytes)
        if length is None or length <= SMALL_BODY_BYTES:  # of a compressed body, only the decoded size counts
            body, is_complete = await receive_part(receive, SMALL_BODY_BYTES)
            if is_complete and len(body) <= SMALL_BODY_BYTES:
                return await self._answer(ReceivedRequest(scope, body))
        size = len(body) if is_complete else largest_size(scope, max_bytes)
        async with self._admission.admit(scope, receive, size, len(body)) as receive:
            if not is_complete:
                rest, _ = await receive_part(receive, max_bytes)
                body += rest
            async with self._admission.turn():
                return await self._answer(ReceivedRequest(scope, body))


class JsonRoute(APIRoute):
    """The route of a JSON endpoint.

    FastAPI uses it for the OpenAPI document, and for paths that `json_addresses` does not list, such as the path of
    another model.
    """

    endpoint: JsonEndpoint

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def handle(request: Request) -> Response:
            return await self.endpoint.respond(request.scope, request.receive)

        return handle


def typed_answer(function: Callable[..., Awaitable[Any]], settings: Settings, select_errors: SelectErrors) -> Answer:
    """Create the answer of an endpoint from a function with types; pydantic parses and writes bytes directly.

    Args:
        function: Function of the form `async (body: Model) -> Reply`.
        settings: Settings with the limits of a batch.
        select_errors: Function that selects the errors to report.
    Returns:
        The first argument of `JsonEndpoint`.
    """
    types = get_type_hints(function, include_extras=True)
    reply_type = TypeAdapter(types.pop("return"))
    (body_type,) = map(TypeAdapter, types.values())

    async def answer(request: ReceivedRequest) -> Response:
        reject_other_text(request)
        body = parse_json(body_type, request.content, settings, select_errors)
        return Reply(reply_type.dump_json(await function(body)))

    return answer


def require_json(scope: Scope) -> None:
    """Reject a request whose body has another media type than JSON.

    Args:
        scope: ASGI scope of the request.
    Raises:
        HTTPException: 415, unless the media type is JSON or one that clients send by default. Plain text passes,
            because `reject_other_text` decides by the body.
    """
    if first_header(scope, b"content-type") == JSON_BYTES:  # the common case
        return
    name = body_media_type(scope)
    if name not in {JSON, TEXT, *UNSET_MEDIA_TYPES} and not name.endswith("+json"):
        raise HTTPException(415, OTHER_TYPE)


def reject_other_text(request: ReceivedRequest) -> None:
    """Reject plain text that cannot be a JSON object.

    Args:
        request: The received request.
    Raises:
        HTTPException: 415, if the media type is plain text and the first non-blank character is not `{`.
    """
    if request.content.startswith(b"{"):  # the common case
        return
    is_object = request.content.removeprefix(BYTE_ORDER_MARK).lstrip(BLANKS).startswith(b"{")
    if not is_object and body_media_type(request.scope) == TEXT:
        raise HTTPException(415, OTHER_TYPE)
