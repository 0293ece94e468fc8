"""Error responses: every error answer of the application is built here.

The default format is a problem document. Another package can register its own format for all paths under a prefix. A
message names the place and the broken rule, and it never repeats the values that were sent.
Most messages are written in the code that raises the error.
"""

from collections.abc import Mapping, Sequence

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.types import Message, Receive, Scope, Send

from app.http.field_errors import FieldError, field_error, format_location
from app.http.problems import PROBLEM_FORMAT, ErrorFormat, problem_type
from app.http.scope import route_path

OWN_RESPONSE_KEY = "digits.error_response"  # `build` sets this key in the scope of a request
# Values of `HTTPException.detail` that the framework sets; they say too little and are replaced.
VAGUE_DETAILS = ("Not Found", "Content Too Large")


class ErrorResponses:
    """Builds error responses in the format that belongs to the path of the request.

    Args:
        formats: Other formats than problem documents, by the path below which they apply.
    """

    def __init__(self, formats: Mapping[str, ErrorFormat]) -> None:
        self.formats = formats

    def build(
        self,
        scope: Scope,
        status: int,
        detail: str | None = None,
        errors: Sequence[FieldError] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Build an error response.

        Args:
            scope: ASGI scope of the request; it is marked, so that `replace_foreign_errors` lets the response
                pass.
            status: HTTP status, 400 to 599.
            detail: The problem of this request; by default the title of the kind of problem.
            errors: The errors of the input, if the input is invalid; a format may leave them out.
            headers: Additional headers.
        Returns:
            The response.
        """
        scope[OWN_RESPONSE_KEY] = True
        error_format = self._format(scope)
        status, body = error_format.write(status, detail or f"{problem_type(status)[1]}.", errors)
        return Response(body, status, headers, error_format.media_type)

    def install(self, app: FastAPI) -> None:
        """Make an application build its error responses here.

        Args:
            app: The application.
        """
        app.exception_handler(RequestValidationError)(self._on_invalid_input)
        app.exception_handler(HTTPException)(self._on_http_exception)

    def replace_foreign_errors(self, scope: Scope, receive: Receive, send: Send) -> Send:
        """Wrap a send function so that it replaces error responses that were not built here.

        The framework's body limit answers 413 in plain text without calling an exception handler.

        Args:
            scope: ASGI scope of the request.
            receive: ASGI receive function of the request.
            send: ASGI send function of the request.
        Returns:
            The wrapped send function.
        """
        is_replaced = False

        async def send_or_replace(message: Message) -> None:
            nonlocal is_replaced
            if message["type"] == "http.response.start" and self._is_foreign_error(message, scope):
                is_replaced = True
                await self._response_for_status(message["status"], scope)(scope, receive, send)
            elif not is_replaced:
                await send(message)

        return send_or_replace

    def _format(self, scope: Scope) -> ErrorFormat:
        path = f"{route_path(scope)}/"
        return next((each for prefix, each in self.formats.items() if path.startswith(f"{prefix}/")), PROBLEM_FORMAT)

    def _is_foreign_error(self, message: Message, scope: Scope) -> bool:
        """Tell whether a message starts an error response that `build` did not create.

        The mark in the scope is not enough, because the framework may discard a response of `build` and send its own.
        """
        if message["status"] < 400:
            return False
        content_type = (b"content-type", self._format(scope).media_type.encode())
        return OWN_RESPONSE_KEY not in scope or content_type not in message["headers"]

    def _response_for_status(
        self, status: int, scope: Scope, detail: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Build the response to an HTTP error, and improve on the details that the framework gives."""
        if status == 405:
            detail = f"This address takes {(headers or {}).get('Allow', 'other methods')}."
        elif detail in VAGUE_DETAILS:
            detail = None
        if status == 413 and detail is None:
            detail = f"The body must be at most {scope.get(MAX_BODY_SIZE_SCOPE_KEY)} bytes."
        return self.build(scope, status, detail, headers=headers)

    async def _on_http_exception(self, request: Request, error: HTTPException) -> Response:
        return self._response_for_status(error.status_code, request.scope, error.detail, error.headers)

    async def _on_invalid_input(self, request: Request, error: RequestValidationError) -> Response:
        errors = [field_error(pydantic_error) for pydantic_error in error.errors()]
        more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
        detail = f"{format_location(errors[0]['loc'])} {errors[0]['msg']}{more}"
        return self.build(request.scope, 422, detail, errors)
