"""Error responses: every error answer of the application is built here.

The default format is a problem document. Another package can register its own format for all paths under a prefix. A
message names the place and the broken rule, and it never repeats the values that were sent.
Most messages are written in the code that raises the error.
"""

from collections.abc import Mapping

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.field_errors import field_error, format_location
from app.http.problems import PROBLEM_FORMAT, SPECIFIC_PROBLEM_TYPES, ErrorFormat, InvalidInput, problem_type
from app.http.scope import route_path

OWN_RESPONSE_KEY = "digits.error_response"  # `build` sets this key in the scope of a request
VAGUE_DETAIL = "Not Found"  # value of `HTTPException.detail` that the framework sets; it says too little


class ErrorResponses:
    """Builds error responses in the format that belongs to the path of the request.

    Args:
        formats: Other formats than problem documents, by the path below which they apply.
        statuses: Statuses of further exceptions, whose texts are the details of their responses.
    """

    def __init__(
        self, formats: Mapping[str, ErrorFormat], statuses: Mapping[type[Exception], int] | None = None
    ) -> None:
        self.formats = formats
        self.all_formats = (PROBLEM_FORMAT, *formats.values())
        self._statuses = statuses or {}
        # The exceptions that `respond` takes.
        self.exceptions: tuple[type[Exception], ...] = (HTTPException, RequestValidationError, *self._statuses)

    def build(
        self,
        scope: Scope,
        status: int,
        detail: str | None = None,
        invalid: InvalidInput | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Build an error response.

        Args:
            scope: ASGI scope of the request; it is marked, so that `replace_foreign_errors` lets the response
                pass.
            status: HTTP status, 400 to 599.
            detail: The problem of this request; by default the title of the kind of problem.
            invalid: The errors of the input, if the input is invalid; a format may leave them out.
            headers: Additional headers.
        Returns:
            The response.
        """
        scope[OWN_RESPONSE_KEY] = True
        error_format = self._format(scope)
        body = error_format.write(status, detail or f"{problem_type(status)[1]}.", invalid)
        return Response(body, error_format.status_of(status), headers, error_format.media_type)

    def install(self, app: FastAPI) -> None:
        """Make an application build its error responses here.

        Args:
            app: The application.
        """

        async def handle(request: Request, error: Exception) -> Response:
            return self.respond(request.scope, error)

        for exception in self.exceptions:
            app.exception_handler(exception)(handle)

    def respond(self, scope: Scope, error: Exception) -> Response:
        """Build the response to an exception.

        Args:
            scope: ASGI scope of the request.
            error: One of `exceptions`.
        Returns:
            The response.
        """
        if isinstance(error, RequestValidationError):
            return self._respond_to_invalid_input(scope, error)
        if isinstance(error, HTTPException):
            return self._respond_to_status(scope, error.status_code, error.detail, error.headers)
        return self.build(scope, self._statuses[type(error)], str(error))

    def replace_foreign_errors(self, app: ASGIApp) -> ASGIApp:
        """Wrap an application so that its error responses are replaced unless they were built here.

        Args:
            app: The application.
        Returns:
            The wrapped application.
        """

        async def wrapped_app(scope: Scope, receive: Receive, send: Send) -> None:
            is_replaced = False

            async def send_or_replace(message: Message) -> None:
                nonlocal is_replaced
                is_error = message["type"] == "http.response.start" and message["status"] >= 400
                if is_error and OWN_RESPONSE_KEY not in scope:
                    is_replaced = True
                    await self.build(scope, message["status"])(scope, receive, send)
                elif not is_replaced:
                    await send(message)

            await app(scope, receive, send_or_replace)

        return wrapped_app

    def _format(self, scope: Scope) -> ErrorFormat:
        path = f"{route_path(scope)}/"
        return next((each for prefix, each in self.formats.items() if path.startswith(f"{prefix}/")), PROBLEM_FORMAT)

    def _respond_to_status(
        self, scope: Scope, status: int, detail: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Build the response to an HTTP error, and improve on the details that the framework gives."""
        if status == 405:
            headers = {"Allow": allowed_methods(headers)}
            detail = f"This address takes {headers['Allow']}."
        return self.build(scope, status, None if detail == VAGUE_DETAIL else detail, headers=headers)

    def _respond_to_invalid_input(self, scope: Scope, error: RequestValidationError) -> Response:
        errors = [field_error(pydantic_error) for pydantic_error in error.errors()]
        more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
        detail = f"{format_location(errors[0]['loc'])} {errors[0]['msg']}{more}"
        kind = error.errors()[0]["type"]
        return self.build(scope, 422, detail, InvalidInput(errors, kind if kind in SPECIFIC_PROBLEM_TYPES else None))


def allowed_methods(headers: Mapping[str, str] | None) -> str:
    """Return the methods that an address takes.

    Args:
        headers: Headers of the framework's error 405. The error of a file has none.
    Returns:
        The value of the header Allow. It has HEAD wherever it has GET.
    Example:
        >>> allowed_methods({"Allow": "GET"})
        'GET, HEAD'
    """
    methods = (headers or {}).get("Allow", "GET").split(", ")
    return ", ".join(sorted({*methods, *(["HEAD"] if "GET" in methods else [])}))
