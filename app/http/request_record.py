"""The record of one request: its id, status and duration."""

import time

from starlette.types import Message, Scope, Send

from app.http.scope import route_path
from app.http.security_headers import add_security_headers
from app.observability.instruments import CLIENT_DISCONNECTED, UNMATCHED, RequestCounters
from app.observability.tracing import trace_fields


class RequestRecord:
    """Records the status and duration of one request, and counts the request once.

    Args:
        scope: ASGI scope for the application.
        method: Method of the request, as it was sent.
        send: ASGI send function of the request.
        request_id: Id of the request.
        requests: Counters of the requests.
    """

    def __init__(self, scope: Scope, method: str, send: Send, request_id: bytes, requests: RequestCounters) -> None:
        self.scope = scope
        self.method = method
        self.request_id = request_id
        self.status = CLIENT_DISCONNECTED  # until the answer starts
        self.has_answer_started = False
        self._send = send
        self._requests = requests
        self._seconds: float | None = None
        self._started = time.perf_counter()
        requests.start_request()

    async def send(self, message: Message) -> None:
        """Send a part of the answer, and add the request's id and the security headers.

        Args:
            message: ASGI message.
        """
        if message["type"] == "http.response.start":
            self.status, self.has_answer_started = message["status"], True
            message["headers"].append((b"x-request-id", self.request_id))
            add_security_headers(message["headers"])
        elif not message.get("more_body", False):
            self.finish()  # before the last bytes are sent: a client with a complete answer finds its request counted
        await self._send(message)

    def finish(self) -> None:
        """Count the request if it is not counted yet."""
        if self._seconds is None:
            self._seconds = time.perf_counter() - self._started
            self._requests.finish_request(self._route(), self.method, self.status, self._seconds)

    def identity_fields(self) -> dict[str, str]:
        """Build the log fields that identify the request.

        The log names the route and not the path, because a caller can write anything into the path, also private data.

        Returns:
            Fields of a log line.
        """
        labels = {"method": self.method, "route": self._route()}
        return {"request_id": self.request_id.decode(), **labels, **trace_fields(self.scope)}

    def result_fields(self) -> dict[str, float]:
        """Build the log fields with the status and duration.

        Returns:
            Fields of a log line.
        """
        return {"status": self.status, "milliseconds": round((self._seconds or 0) * 1000, 3)}

    def _route(self) -> str:
        """Return the template of the chosen route.

        If no route is chosen yet, return the path if it is a route without parameters, and otherwise `UNMATCHED`.
        """
        if "route" in self.scope:
            return str(self.scope["route"].path)
        path = route_path(self.scope)
        return path if path in self._requests.routes and "{" not in path else UNMATCHED
