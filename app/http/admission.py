"""Admission control: it queues large requests up to a limit, and slowly rejects the requests above it.

A request is large if it holds a picture or a body of more than 4 KiB. Small requests are not counted and never wait.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from traceback import clear_frames
from typing import NamedTuple, NoReturn

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

from app.http.body import DISCARD_BODY_KEY
from app.settings import MIN_IMAGE_BYTES, Settings

SMALL_BODY_BYTES = 4 * 1024  # a body of this size takes less than half a millisecond
# Clients that repeat a rejected request at once take more time than their requests would. So a rejection waits, and all
# of them together are answered at a limited rate.
MIN_REJECTION_SECONDS = 0.1
REJECTIONS_PER_SECOND = 200
MAX_WAITING_REJECTIONS = 1000
MAX_ROWS = 100_000  # of all admitted batches: half a second of work; more than the setting `max_batch_rows` can be
# Bodies of the largest size in memory: with the default settings, 16 MiB of batches and 16 MiB of pictures.
MAX_BATCH_BODIES = 8
MAX_PICTURE_BODIES = 2
NEWEST_WEIGHT = 1 / 8  # weight of the newest turn in the mean duration of the turns


class Load(NamedTuple):
    """Work and memory of admitted requests.

    Args:
        requests: The number of requests.
        rows: Largest possible number of image rows in their batches.
        bytes: Size of their bodies, in bytes.
    """

    requests: int
    rows: int
    bytes: int


NO_LOAD = Load(0, 0, 0)


class _NoRoomError(Exception):
    """A body that arrives exceeds the limit of all bodies."""


class Admission:
    """Queue of the large requests of one kind.

    An admitted request is being received, waits for its turn, or has its turn. An object of this class belongs to one
    event loop.

    Args:
        kind: Name of the requests in error messages, in plural.
        largest: Largest load of one request.
        limit: Largest load of all admitted requests together.

    Attributes:
        load: Load of all admitted requests. A body counts as far as it has arrived, so that clients that announce a
            body and do not send it cannot fill the queue.
    """

    def __init__(self, kind: str, largest: Load, limit: Load) -> None:
        self.load = NO_LOAD
        self.largest = largest
        self._kind, self._limit = kind, limit
        self._turn = asyncio.Lock()
        self._seconds_per_turn = 0.0
        self._waiting_rejections = 0

    @asynccontextmanager
    async def admit(self, scope: Scope, receive: Receive, size: int, received: int = 0) -> AsyncIterator[Receive]:
        """Admit a request until the end of the `with` block.

        Args:
            scope: ASGI scope of the request.
            receive: ASGI receive function of the request.
            size: Largest possible size of its body, in bytes.
            received: Size of the part of the body that has been received.
        Yields:
            The function that receives the rest of the body.
        Raises:
            HTTPException: 503 with Retry-After, if a limit is reached. The yielded function can raise it, too.
        """
        if not self._has_room(self._load_of(size)):
            await self._reject(scope)
        own = self._replace(NO_LOAD, self._load_of(received))

        async def receive_counted() -> Message:
            nonlocal own
            message = await receive()
            own = self._replace(own, self._load_of(own.bytes + len(message.get("body", b""))))
            if not self._has_room(NO_LOAD):
                raise _NoRoomError
            return message

        try:
            yield receive_counted
        except _NoRoomError as error:
            # The part of the body that has arrived is freed at once, so that the other requests can go on.
            clear_frames(error.__traceback__)
            own = self._replace(own, NO_LOAD)
            await self._reject(scope)
        finally:
            self._replace(own, NO_LOAD)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until the work of all earlier requests is done; the work of this request is the `with` block.

        An iteration of the event loop has at most one turn of each queue. Between two turns, it accepts connections and
        answers small requests.

        Yields:
            Nothing.
        """
        async with self._turn:
            await asyncio.sleep(0)  # the lock alone lets two turns follow in one iteration if nobody waits for it
            started = time.perf_counter()
            try:
                yield
            finally:
                seconds = time.perf_counter() - started
                self._seconds_per_turn += (seconds - self._seconds_per_turn) * NEWEST_WEIGHT

    def _load_of(self, size: int) -> Load:
        """Compute the largest load of a request from the size of its body."""
        return Load(1, min(self.largest.rows, size // MIN_IMAGE_BYTES), size)

    def _replace(self, old: Load, new: Load) -> Load:
        """Replace the load of a request, and return the new one."""
        self.load = Load(*(total - before + after for total, before, after in zip(self.load, old, new, strict=True)))
        return new

    def _has_room(self, further: Load) -> bool:
        return all(now + more <= limit for now, more, limit in zip(self.load, further, self._limit, strict=True))

    async def _reject(self, scope: Scope) -> NoReturn:
        """Reject a request after a while, or at once if too many rejections wait."""
        if DISCARD_BODY_KEY in scope:
            scope[DISCARD_BODY_KEY]()  # otherwise a part of it would wait too
        headers = {"Retry-After": f"{max(1, math.ceil(self.load.requests * self._seconds_per_turn))}"}
        if self._waiting_rejections == MAX_WAITING_REJECTIONS:
            headers["Connection"] = "close"
        else:
            self._waiting_rejections += 1
            try:
                await asyncio.sleep(max(MIN_REJECTION_SECONDS, self._waiting_rejections / REJECTIONS_PER_SECOND))
            finally:
                self._waiting_rejections -= 1
        raise HTTPException(503, f"Too many {self._kind} are in progress.", headers=headers)


class AdmissionQueues(NamedTuple):
    """The queues of one process.

    Args:
        batches: Queue of the batches.
        pictures: Queue of the pictures.
    """

    batches: Admission
    pictures: Admission


def create_admission_queues(settings: Settings) -> AdmissionQueues:
    """Create the queues of one process.

    Args:
        settings: Settings with the limits of a batch, of a picture and of a body.
    Returns:
        Empty queues; the largest batch and the largest picture fit.
    """
    batch = Load(1, settings.max_batch_rows, settings.max_body_bytes)
    picture = Load(1, 0, settings.max_picture_bytes)
    # Each request has at least one row, so the number of batches has no other limit.
    batches = Load(MAX_ROWS, MAX_ROWS, MAX_BATCH_BODIES * batch.bytes)
    pictures = Load(settings.max_pictures_in_flight, 0, MAX_PICTURE_BODIES * picture.bytes)
    return AdmissionQueues(Admission("batches", batch, batches), Admission("pictures", picture, pictures))
