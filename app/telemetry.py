"""What can be seen from outside: request ids and logs; and the last word on errors."""

import asyncio
import logging
import os
import re
import time
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import tracing
from app.metrics.instruments import LEFT, UNMATCHED, Requests
from app.problems import as_problems, refusal

MAX_HEAD_BYTES = 64 * 1024
SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")

log = logging.getLogger("digits")

# One JSON line an event to standard error; of other loggers, warnings and worse. OpenTelemetry warns of
# headers that hold no trace context, and those are the caller's to write.
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "{levelname}{name}{message}",
            "style": "{",
            "rename_fields": {"levelname": "level", "name": "logger"},
            "timestamp": True,
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {
        "digits": {"level": "INFO"},
        "opentelemetry.trace.propagation": {"level": "ERROR"},
        "opentelemetry.baggage.propagation": {"level": "ERROR"},
    },
}


class Telemetry:
    """The one layer around the application: ids, logs, counts, and the last word on errors.

    Args:
        app: What it wraps.
        requests: Counts and times requests.
        access_log: Whether it logs every request.
    """

    def __init__(self, app: ASGIApp, requests: Requests, *, access_log: bool) -> None:
        self.app = app
        self.requests = requests
        self.access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Args:
            scope: ASGI's description of the request.
            receive: Where its body comes from.
            send: Where the answer goes.
        """
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id, refused = read_head(scope)
        started, status = time.perf_counter(), LEFT
        self.requests.begin()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", request_id))
            await send(message)

        try:
            if refused is not None:
                await refused(scope, receive, send_with_id)
            else:
                await self.app(scope, receive, as_problems(scope, receive, send_with_id))
        except (Exception, asyncio.CancelledError) as error:
            response = last_word(error, scope, describe(scope, request_id))
            if status:
                raise  # half an answer is on the wire; only closing the connection says so
            if response is not None:
                await response(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            self.requests.end(template(scope), scope["method"], status, seconds)
            if self.access_log:
                measured = {"status": status, "milliseconds": round(seconds * 1000, 3)}
                log.info("request", extra={**describe(scope, request_id), **measured})


def last_word(error: BaseException, scope: Scope, request: dict[str, str]) -> Response | None:
    """Decide what becomes of a request that failed; this is the edge of the process.

    Args:
        error: What nobody handled.
        scope: The request's.
        request: Fields that name the request in the log.
    Returns:
        The answer, or None if nobody is left to read one.
    """
    if isinstance(error, ClientDisconnect):
        return None
    if isinstance(error, asyncio.CancelledError):  # the stop has waited long enough for its rest
        return refusal(scope, 503, "The service is stopping.")
    log.error("request failed", exc_info=error, extra=request)
    return refusal(scope, 500)


def read_head(scope: Scope) -> tuple[bytes, Response | None]:
    """Find a request's id, and what makes its head unacceptable.

    Args:
        scope: ASGI's description of the request.
    Returns:
        The caller's id if it sent a sane one, a new one otherwise; and the refusal, if any.
    """
    request_id, upgrades, size = b"", False, len(scope["raw_path"]) + len(scope["query_string"])
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name == b"x-request-id":
            request_id = value
        elif name == b"upgrade":
            upgrades = True
    if not SANE_REQUEST_ID.fullmatch(request_id):
        request_id = os.urandom(16).hex().encode()
    if size > MAX_HEAD_BYTES:
        detail = f"The request line and headers must be at most {MAX_HEAD_BYTES} bytes."
        return request_id, refusal(scope, 431, detail)
    if upgrades and scope["method"] == "POST":  # the parser takes its body for another protocol
        return request_id, refusal(scope, 400, "A request with a body cannot ask for an upgrade.")
    return request_id, None


def describe(scope: Scope, request_id: bytes) -> dict[str, str]:
    """Name a request for the log, by its route and not by its path, which is the caller's text.

    Args:
        scope: ASGI's description of the request.
        request_id: Its id.
    Returns:
        Fields of a log line.
    """
    labels = {"request_id": request_id.decode(), "method": scope["method"], "route": template(scope)}
    return {**labels, **tracing.identify(scope)}


def template(scope: Scope) -> str:
    """Find the template of the route that took a request.

    Args:
        scope: ASGI's description of the request, once it was answered.
    Returns:
        The template, or `UNMATCHED`.
    """
    return getattr(scope.get("route"), "path", UNMATCHED)
