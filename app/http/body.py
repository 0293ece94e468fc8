"""Receiving a body, up to a limit on its size."""

from io import BytesIO

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from app.http.content_coding import content_coding, decode_body
from app.http.headers import content_length

# The server sets this key in the scope of a request when it stops receiving the body. The value is the error to raise.
BODY_ERROR_KEY = "digits.body_error"
# The server sets this key to a function that discards the part of the body that the application has not received.
DISCARD_BODY_KEY = "digits.discard_body"


def check_announced_length(scope: Scope, max_bytes: int) -> int | None:
    """Reject a request whose head announces too large a body.

    Args:
        scope: ASGI scope of the request.
        max_bytes: Largest size of a body.
    Returns:
        The announced length in bytes, or None if the head announces none.
    Raises:
        HTTPException: 413, with the limit.
    """
    length = content_length(scope)
    if length is not None and length > max_bytes:
        raise body_too_large(max_bytes)
    return length


def largest_size(scope: Scope, max_bytes: int) -> int:
    """Return the largest size that a body can have after decoding.

    Args:
        scope: ASGI scope of the request.
        max_bytes: Largest size of a body.
    Returns:
        The announced length in bytes, or `max_bytes` if the head announces none or the body is compressed.
    Raises:
        HTTPException: 413, if the announced length exceeds the limit; 415, for an unsupported content coding.
    """
    length = check_announced_length(scope, max_bytes)
    return max_bytes if length is None or content_coding(scope) else length


def body_too_large(max_bytes: int) -> HTTPException:
    """Create the error of a body that exceeds a limit.

    Args:
        max_bytes: Largest size of a body.
    Returns:
        The error to raise, with the status 413.
    """
    return HTTPException(413, f"The body must be at most {max_bytes} bytes.")


def body_too_late(seconds: float) -> HTTPException:
    """Create the error of a body that has not arrived in time.

    Args:
        seconds: The time limit.
    Returns:
        The error to raise, with the status 408.
    """
    return HTTPException(408, f"The body must arrive within {seconds:g} s.")


def body_in_too_many_chunks(max_chunks: int) -> HTTPException:
    """Create the error of a body in too many chunks.

    Args:
        max_chunks: Largest number of chunks.
    Returns:
        The error to raise, with the status 413.
    """
    return HTTPException(413, f"The body must have at most {max_chunks} chunks.")


def limit_body(scope: Scope, receive: Receive, max_bytes: int) -> Receive:
    """Wrap a receive function so that it rejects a body that exceeds a limit.

    Args:
        scope: ASGI scope of the request.
        receive: ASGI receive function of the request.
        max_bytes: Largest size of the body.
    Returns:
        The wrapped function; it raises an `HTTPException`: 413 if the limit is exceeded, and the error of
            `BODY_ERROR_KEY`.
    """
    size = 0

    async def receive_limited() -> Message:
        nonlocal size
        message = await receive()
        if BODY_ERROR_KEY in scope:
            raise scope[BODY_ERROR_KEY]
        if message["type"] == "http.request":
            size += len(message.get("body", b""))
            if size > max_bytes:
                raise body_too_large(max_bytes)
        return message

    return receive_limited


def bounded_body(scope: Scope, receive: Receive, max_bytes: int) -> Receive:
    """Wrap a receive function so that it undoes the content coding of a body, and rejects a body over a limit.

    Args:
        scope: ASGI scope of the request.
        receive: ASGI receive function of the request.
        max_bytes: Largest size of the body, before and after decoding.
    Returns:
        The wrapped function.
    Raises:
        HTTPException: 415, for an unsupported content coding.
    """
    coding = content_coding(scope)
    limited = limit_body(scope, receive, max_bytes)
    return decode_body(limited, coding, max_bytes) if coding else limited


async def receive_body(scope: Scope, receive: Receive, max_bytes: int) -> bytes:
    """Receive a whole body.

    Args:
        scope: ASGI scope of the request.
        receive: ASGI receive function of the request.
        max_bytes: Largest size of the body, before and after decoding.
    Returns:
        The body, decoded.
    Raises:
        HTTPException: As `limit_body` and `bounded_body` raise it.
        RequestValidationError: The compressed data is damaged or incomplete.
        ClientDisconnect: The client closed the connection before the end of the body.
    """
    body, _ = await receive_part(bounded_body(scope, receive, max_bytes), max_bytes)
    return body


async def receive_part(receive: Receive, size: int) -> tuple[bytes, bool]:
    """Receive a body until it is complete or has a certain size.

    Args:
        receive: ASGI receive function of the request.
        size: Size in bytes; the last piece may exceed it.
    Returns:
        The received bytes, and True if the body is complete.
    Raises:
        ClientDisconnect: The client closed the connection before the end of the body.
    """
    body, is_complete = BytesIO(), False  # joining a list of pieces would need the memory of a second body
    while not is_complete and body.tell() <= size:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body.write(message.get("body", b""))
        is_complete = not message.get("more_body", False)
    return body.getvalue(), is_complete
