"""The outermost layer of the application: request ids, counts, the access log and the last error handler."""

import asyncio

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.error_responses import ErrorResponses
from app.http.request_head import check_head
from app.http.request_record import RequestRecord
from app.observability import tracing
from app.observability.instruments import RequestCounters
from app.observability.logs import log


class RequestMiddleware:
    """Gives each request an id, counts and logs it, and answers errors that nothing else has handled.

    Args:
        app: The wrapped application.
        requests: Counters of the requests.
        errors: Builder of the error responses.
        access_log: True logs every request.
        is_traced: True if requests have spans.
    """

    def __init__(
        self,
        app: ASGIApp,
        requests: RequestCounters,
        errors: ErrorResponses,
        *,
        access_log: bool = False,
        is_traced: bool = False,
    ) -> None:
        self.app = app
        self.requests = requests
        self.errors = errors
        self.access_log = access_log
        self.is_traced = is_traced

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Args:
            scope: ASGI scope of the request.
            receive: ASGI receive function of the request.
            send: ASGI send function of the request.
        """
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id, head_error = check_head(scope)
        record = RequestRecord(scope, send, request_id, self.requests)
        if self.is_traced:
            tracing.set_request_id(request_id)
        try:
            if head_error is not None:
                await self.errors.build(scope, *head_error)(scope, receive, record.send)
            else:
                replace_errors = self.errors.replace_foreign_errors(scope, receive, record.send)
                await self.app(scope, receive, replace_errors)
        except (Exception, asyncio.CancelledError) as error:
            response = self._log_and_build_response(error, record)
            if record.has_answer_started:
                raise  # a part of the answer is sent already; only closing the connection reports the error
            if response is not None:
                await response(scope, receive, record.send)
        finally:
            record.finish()
            if self.access_log:
                log.info("request", extra={**record.identity_fields(), **record.result_fields()})

    def _log_and_build_response(self, error: BaseException, record: RequestRecord) -> Response | None:
        """Build the response to an unhandled error, or None if the client has disconnected; log failures only."""
        if isinstance(error, ClientDisconnect):
            return None
        if isinstance(error, asyncio.CancelledError):  # the time limit of the graceful shutdown has passed
            return self.errors.build(record.scope, 503, "The service is stopping.")
        log.error("request failed", exc_info=error, extra=record.identity_fields())
        return self.errors.build(record.scope, 500)
