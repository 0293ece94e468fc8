"""The outermost layer of the application: request ids, keys, counts, the access log and the last error handler."""

import asyncio
from contextlib import AbstractContextManager, nullcontext
from dataclasses import InitVar, dataclass

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.api_keys import ApiKeys
from app.http.error_responses import ErrorResponses
from app.http.json_endpoint import JsonRoute
from app.http.request_head import check_head
from app.http.request_record import RequestRecord
from app.observability import tracing
from app.observability.instruments import RequestCounters
from app.observability.logs import log, log_request
from app.observability.request_spans import RequestSpans

NO_SPAN: AbstractContextManager[None] = nullcontext()


@dataclass(eq=False)
class RequestMiddleware:
    """Gives each request an id, checks its key, counts and logs it, and answers errors that nothing else has handled.

    A request to a JSON endpoint goes directly to the endpoint, and every other request goes to the wrapped application.

    Args:
        app: The wrapped application.
        requests: Counters of the requests.
        errors: Builder of the error responses.
        keys: Keys of the clients, or None if the service is open.
        access_log: True logs every request.
        spans: Creates the spans of requests to JSON endpoints, or None for no tracing.
    """

    app: InitVar[ASGIApp]
    requests: RequestCounters
    errors: ErrorResponses
    keys: ApiKeys | None = None
    access_log: bool = False
    spans: RequestSpans | None = None

    def __post_init__(self, app: ASGIApp) -> None:
        self._app = self.errors.replace_foreign_errors(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Args:
            scope: ASGI scope of the request.
            receive: ASGI receive function of the request.
            send: ASGI send function of the request.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method: str = scope["method"]
        if method == "HEAD":
            # The routes of GET answer it. The server sees HEAD in its own scope and leaves the body out.
            scope = {**scope, "method": "GET"}
        request_id, head_error = check_head(scope)
        app, span, route = self._app, NO_SPAN, scope.get("route")
        if isinstance(route, JsonRoute):  # the application has found it by its path
            app = route.endpoint
            if self.spans:
                span = self.spans.create(scope, request_id, lambda: record.status)
        elif self.spans:  # FastAPI has created the span
            tracing.set_request_id(request_id)
        if self.keys and head_error is None:
            head_error = self.keys.find_error(scope)
        if head_error is not None:
            app = self.errors.respond(scope, head_error)
        # The record is created last, because it counts a request in flight.
        record = RequestRecord(scope, method, send, request_id, self.requests)
        with span:
            await self._answer(app, record, receive)

    async def _answer(self, app: ASGIApp, record: RequestRecord, receive: Receive) -> None:
        """Let an application answer a request, answer an error of the application, and count and log the request."""
        try:
            await app(record.scope, receive, record.send)
        except (Exception, asyncio.CancelledError) as error:
            response = self._log_and_build_response(error, record)
            if record.has_answer_started:
                raise  # a part of the answer is sent already; only closing the connection reports the error
            if response is not None:
                await response(record.scope, receive, record.send)
        finally:
            record.finish()
            if self.access_log:
                log_request({**record.identity_fields(), **record.result_fields()})

    def _log_and_build_response(self, error: BaseException, record: RequestRecord) -> Response | None:
        """Build the response to an unhandled error, or None if the client has disconnected; log failures only."""
        if isinstance(error, ClientDisconnect):
            return None
        if isinstance(error, asyncio.CancelledError):  # the time limit of the graceful shutdown has passed
            return self.errors.build(record.scope, 503, "The service is stopping.")
        log.error("request failed", exc_info=error, extra=record.identity_fields())
        return self.errors.build(record.scope, 500)
