"""How much expensive work may be in progress at once; what is beyond is told to come back."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.exceptions import HTTPException

RETRY_AFTER_SECONDS = 1  # longer than the queue of small pictures takes; a large one takes less too


class Admission:
    """Counts the requests that were let in and the bytes that they bring. Belongs to one event loop.

    Args:
        max_requests: Most requests at once, those that wait included.
        max_bytes: Most bytes that they bring, together.
    """

    def __init__(self, max_requests: int, max_bytes: int) -> None:
        self.max_requests = max_requests
        self.max_bytes = max_bytes
        self.requests = 0
        self.bytes = 0

    @contextmanager
    def admit(self, size: int) -> Iterator[None]:
        """Let a request in until the end of the `with` block.

        Args:
            size: Bytes that it may bring.
        Yields:
            Nothing.
        Raises:
            HTTPException: 503 with Retry-After, if there is no room.
        """
        if self.requests >= self.max_requests or self.bytes + size > self.max_bytes:
            raise HTTPException(
                503, "Too many pictures are being read.", headers={"Retry-After": str(RETRY_AFTER_SECONDS)}
            )
        self.requests += 1
        self.bytes += size
        try:
            yield
        finally:
            self.requests -= 1
            self.bytes -= size
