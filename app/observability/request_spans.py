"""Spans of the requests to JSON endpoints, with the names and attributes that FastAPI gives to its spans.

FastAPI's own telemetry costs as much as a prediction, even for a request that is not sampled.
"""

from collections.abc import Callable
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit

from opentelemetry import context, propagate, trace
from opentelemetry.trace import SpanKind, StatusCode
from starlette.types import Scope

from app.observability.instruments import CLIENT_DISCONNECTED
from app.observability.tracing import REQUEST_ID, combined_headers

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
# The headers that OpenTelemetry's default propagators read.
W3C_HEADERS = frozenset({b"traceparent", b"tracestate", b"baggage"})
# Query parameters whose values must not be in a span.
# Source: OpenTelemetry, semantic conventions for HTTP spans, `url.query`.
SECRET_PARAMETERS = {"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "sig", "X-Goog-Signature"}


class RequestSpans:
    """Creates the spans of requests.

    Args:
        provider: Provider that receives the spans.
    """

    def __init__(self, provider: trace.TracerProvider) -> None:
        self._tracer = provider.get_tracer("digits")
        fields = propagate.get_global_textmap().fields
        self._reads_only_w3c_headers = {name.encode() for name in fields} <= W3C_HEADERS

    def create(self, scope: Scope, request_id: bytes, find_status: Callable[[], int]) -> "RequestSpan":
        """Start the span of one request.

        Args:
            scope: ASGI scope of the request; it contains the route.
            request_id: Id of the request.
            find_status: Function that returns the status of the answer; it is called when the request ends.
        Returns:
            A context manager that makes the span current and ends it.
        """
        route, headers = scope.get("root_path", "").rstrip("/") + scope["route"].path, dict(reversed(scope["headers"]))
        has_no_parent = self._reads_only_w3c_headers and W3C_HEADERS.isdisjoint(headers)
        parent = context.Context() if has_no_parent else propagate.extract(combined_headers(scope))
        attributes = _request_attributes(scope, headers.get(b"host"))
        attributes["http.route"], attributes[REQUEST_ID] = route, request_id.decode()
        span = self._tracer.start_span(f"{scope['method']} {route}", parent, SpanKind.SERVER, attributes)
        return RequestSpan(span, parent, find_status)


class RequestSpan:
    """Context manager in which the span of a request is current; a generator would take half as long again.

    Args:
        span: The span.
        parent: Context of the span's parent.
        find_status: Function that returns the status of the answer.
    """

    def __init__(self, span: trace.Span, parent: context.Context, find_status: Callable[[], int]) -> None:
        self._span, self._parent, self._find_status = span, parent, find_status

    def __enter__(self) -> None:
        """Make the span the current one."""
        self._token = context.attach(trace.set_span_in_context(self._span, self._parent))

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        """End the span."""
        context.detach(self._token)
        name = f"{error_type.__module__}.{error_type.__qualname__}".removeprefix("builtins.") if error_type else ""
        _finish(self._span, self._find_status(), name)


def _finish(span: trace.Span, status: int, failure: str) -> None:
    """End a span with the status of the answer, and with the type of the error if there is one."""
    if status == CLIENT_DISCONNECTED:
        failure = failure or ConnectionError.__name__
    else:
        span.set_attribute("http.response.status_code", status)
    if failure or status >= 500:
        span.set_attribute("error.type", failure or str(status))
        span.set_status(StatusCode.ERROR)
    span.end()


def _request_attributes(scope: Scope, authority: bytes | None) -> dict[str, str | int]:
    """Describe a request by the attributes that OpenTelemetry's semantic conventions define for HTTP."""
    scheme, server = scope.get("scheme", "http"), scope.get("server") or (None, None)
    attributes = {"http.request.method": scope["method"], "url.scheme": scheme, "url.path": scope["path"]}
    attributes |= _server_attributes(scheme, authority, *server)
    if version := scope.get("http_version"):
        attributes["network.protocol.version"] = version
    if query := scope.get("query_string"):
        parameters = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        shown = [(name, "REDACTED" if name in SECRET_PARAMETERS else value) for name, value in parameters]
        attributes["url.query"] = urlencode(shown)
    return attributes


@lru_cache(maxsize=64)
def _server_attributes(
    scheme: str, authority: bytes | None, address: str | None, port: int | None
) -> dict[str, str | int]:
    """Describe the address that the client has called, by its Host header if there is one."""
    if authority is not None:
        try:
            url = urlsplit(f"//{authority.decode('latin-1')}")
            address, port = url.hostname, DEFAULT_PORTS.get(scheme) if url.port is None else url.port
        except ValueError:
            return {}
        if url.username is not None or url.path or url.query or url.fragment:
            return {}
    attributes = {"server.address": address, "server.port": port} if address else {}
    return {name: value for name, value in attributes.items() if value is not None}
