"""Changes of uvicorn's state of a request, its "cycle", when the client disconnects or a body has an error."""

from typing import Any, cast

from starlette.exceptions import HTTPException
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app.http.body import BODY_ERROR_KEY


def end_body(cycle: RequestResponseCycle, error: HTTPException) -> None:
    """End the body of a request with an error, and close the connection after the answer.

    Args:
        cycle: uvicorn's state of the request.
        error: The error that the application raises when it receives the body.
    """
    cast("dict[str, Any]", cycle.scope).setdefault(BODY_ERROR_KEY, error)
    cycle.keep_alive = False
    cycle.message_event.set()
    if cycle.response_complete:
        cycle.transport.close()


def mark_disconnected(cycle: RequestResponseCycle | None) -> None:
    """Tell the application that no more of its request will arrive, and that no answer can be sent.

    Args:
        cycle: uvicorn's state of the request that the application handles, or None.
    """
    if cycle is not None and not cycle.response_complete:
        cycle.disconnected = True
        cycle.message_event.set()
