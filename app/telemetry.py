"""What can be seen from outside: request ids, counts and logs; and the last word on errors."""

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
from app.address import address
from app.metrics.instruments import LEFT, UNMATCHED, Requests
from app.problems import as_problems, refusal

MAX_HEAD_BYTES = 64 * 1024
SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")

log = logging.getLogger("digits")

# These warn of what callers send, a line each time; of them only errors are written.
TALKATIVE = (
    *("opentelemetry.attributes", "opentelemetry.baggage", "opentelemetry.trace"),
    *("py.warnings", "python_multipart", "uvicorn.error"),
)

# One JSON line an event to standard error.
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
    "loggers": {"digits": {"level": "INFO"}, **{name: {"level": "ERROR"} for name in TALKATIVE}},
}


class Telemetry:
    """The one layer around the application: ids, logs, counts, and the last word on errors.

    Args:
        app: What it wraps.
        requests: Counts and times requests.
        access_log: Whether it logs every request.
        is_traced: Whether requests have spans.
    """

    def __init__(
        self, app: ASGIApp, requests: Requests, *, access_log: bool = False, is_traced: bool = False
    ) -> None:
        self.app = app
        self.requests = requests
        self.access_log = access_log
        self.is_traced = is_traced

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
        exchange = Exchange(scope, send, request_id, self.requests)
        if self.is_traced:
            tracing.note_request_id(request_id)
        try:
            if refused is not None:
                await refused(scope, receive, exchange.send)
            else:
                await self.app(scope, receive, as_problems(scope, receive, exchange.send))
        except (Exception, asyncio.CancelledError) as error:
            response = last_word(error, exchange)
            if exchange.status != LEFT:
                raise  # half an answer is on the wire; only closing the connection says so
            if response is not None:
                await response(scope, receive, exchange.send)
        finally:
            exchange.end()
            if self.access_log:
                log.info("request", extra={**exchange.describe(), **exchange.outcome()})


class Exchange:
    """A request, and what has become of it so far.

    Args:
        scope: ASGI's description of the request.
        send: Where the answer goes.
        request_id: The request's id.
        requests: Counts and times it.
    """

    def __init__(self, scope: Scope, send: Send, request_id: bytes, requests: Requests) -> None:
        self.scope = scope
        self.status = LEFT
        self._send = send
        self._request_id = request_id
        self._requests = requests
        self._seconds: float | None = None
        self._started = time.perf_counter()
        requests.begin()

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer, with the request's id.

        Args:
            message: ASGI's.
        """
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"].append((b"x-request-id", self._request_id))
        elif not message.get("more_body", False):
            self.end()  # before the last bytes leave: who has an answer finds it counted
        await self._send(message)

    def end(self) -> None:
        """Count the request, once."""
        if self._seconds is None:
            self._seconds = time.perf_counter() - self._started
            self._requests.end(self._route(), self.scope["method"], self.status, self._seconds)

    def describe(self) -> dict[str, str]:
        """Name the request for the log, by its route and not by its path, which is the caller's text.

        Returns:
            Fields of a log line.
        """
        labels = {"method": self.scope["method"], "route": self._route()}
        return {"request_id": self._request_id.decode(), **labels, **tracing.identify(self.scope)}

    def outcome(self) -> dict[str, float]:
        """Say how it ended, for the log.

        Returns:
            Fields of a log line.
        """
        return {"status": self.status, "milliseconds": round((self._seconds or 0) * 1000, 3)}

    def _route(self) -> str:
        """The template of the route that took the request; only what is a plain page is known by its path."""
        if "route" in self.scope:
            return str(self.scope["route"].path)
        path = address(self.scope)
        return path if path in self._requests.routes and "{" not in path else UNMATCHED


def last_word(error: BaseException, exchange: Exchange) -> Response | None:
    """Decide what becomes of a request that failed; this is the edge of the process.

    Args:
        error: What nobody handled.
        exchange: The request's.
    Returns:
        The answer, or None if nobody is left to read one.
    """
    if isinstance(error, ClientDisconnect):
        return None
    if isinstance(error, asyncio.CancelledError):  # the stop has waited long enough for its rest
        return refusal(exchange.scope, 503, "The service is stopping.")
    log.error("request failed", exc_info=error, extra=exchange.describe())
    return refusal(exchange.scope, 500)


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
