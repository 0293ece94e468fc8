"""Admission control: it limits the pictures in progress and rejects the requests above the limit."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.exceptions import HTTPException


class Admission:
    """Counts the admitted requests and the bytes of their bodies.

    An object of this class belongs to one event loop.

    Args:
        max_requests: Largest number of requests that are admitted at the same time. An admitted request is being
            received, waits for the decoder, or is being decoded.
        max_bytes: Largest total size of their bodies, in bytes.
    """

    def __init__(self, max_requests: int, max_bytes: int) -> None:
        self.max_requests = max_requests
        self.max_bytes = max_bytes
        self.requests = 0
        self.bytes = 0

    @contextmanager
    def admit(self, body_bytes: int) -> Iterator[None]:
        """Admit a request until the end of the `with` block.

        Args:
            body_bytes: Largest possible size of its body, in bytes.
        Yields:
            Nothing.
        Raises:
            HTTPException: 503 with Retry-After, if a limit is reached.
        """
        if self.requests >= self.max_requests or self.bytes + body_bytes > self.max_bytes:
            # Decoding a full queue of small pictures, or one large picture, takes less than a second.
            raise HTTPException(503, "Too many pictures are in progress.", headers={"Retry-After": "1"})
        self.requests += 1
        self.bytes += body_bytes
        try:
            yield
        finally:
            self.requests -= 1
            self.bytes -= body_bytes
