"""Spans of the requests to JSON endpoints, with the names and attributes that FastAPI gives to its spans.

FastAPI's own telemetry costs as much as a prediction, even for a request that is not sampled.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit

from opentelemetry import context, propagate, trace
from opentelemetry.trace import SpanKind, StatusCode
from starlette.types import Scope

from app.observability.instruments import CLIENT_DISCONNECTED
from app.observability.tracing import REQUEST_ID, combined_headers

DEFAULT_PORTS = {"http": 80, "https": 443}
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
        self._propagated = {name.lower().encode() for name in propagate.get_global_textmap().fields}

    @contextmanager
    def create(self, scope: Scope, request_id: bytes, find_status: Callable[[], int]) -> Iterator[None]:
        """Create the span of one request, which is current until the end of the `with` block.

        Args:
            scope: ASGI scope of the request, with its route.
            request_id: Its id.
            find_status: Function that returns the status of its answer, called at the end.
        Yields:
            Nothing.
        """
        route, headers = scope.get("root_path", "").rstrip("/") + scope["route"].path, dict(scope["headers"])
        has_parent = not self._propagated.isdisjoint(headers)  # most requests name no span of a caller
        parent = propagate.extract(combined_headers(scope)) if has_parent else context.Context()
        attributes = _request_attributes(scope, headers.get(b"host"))
        attributes |= {"http.route": route, REQUEST_ID: request_id.decode()}
        span = self._tracer.start_span(f"{scope['method']} {route}", parent, SpanKind.SERVER, attributes)
        token, failure = context.attach(trace.set_span_in_context(span, parent)), ""
        try:
            yield
        except BaseException as error:
            failure = type(error).__qualname__
            raise
        finally:
            context.detach(token)
            _finish(span, find_status(), failure)


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
    if "http_version" in scope:
        attributes["network.protocol.version"] = scope["http_version"]
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
