"""Admission control: it queues large requests up to a limit, and slowly refuses the requests above it.

A request is large if it holds a picture or a body of more than 16 KiB. Small requests are not counted and never wait.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple, NoReturn

from starlette.exceptions import HTTPException
from starlette.types import Scope

from app.http.body import DISCARD_BODY_KEY
from app.settings import MIN_IMAGE_BYTES, Settings

SMALL_BODY_BYTES = 16 * 1024  # a body of this size takes less than a millisecond
# Clients that repeat a refused request at once take more time than their requests would. So a refusal waits, and all
# of them together are answered at a limited rate.
MIN_REFUSAL_SECONDS = 0.1
REFUSALS_PER_SECOND = 200
MAX_WAITING_REFUSALS = 1000
MAX_ROWS = 100_000  # of all admitted batches: half a second of work; more than the setting `max_batch_rows` can be
# Bodies of the largest size in memory: with the default settings, 16 MiB of batches and 32 MiB of pictures.
MAX_BATCH_BODIES = 8
MAX_PICTURE_BODIES = 4
NEWEST_WEIGHT = 1 / 8  # of the last request in the mean duration of a turn


class Load(NamedTuple):
    """Work and memory of admitted requests.

    Args:
        requests: The number of requests.
        rows: Largest possible number of image rows in their batches.
        bytes: Largest possible size of their bodies, in bytes.
    """

    requests: int
    rows: int
    bytes: int


class Admission:
    """Queue of the large requests of one kind.

    An admitted request is being received, waits for its turn, or has its turn. An object of this class belongs to one
    event loop.

    Args:
        kind: Name of the requests in error messages, in plural.
        largest: Largest load of one request.
        limit: Largest load of all admitted requests together.

    Attributes:
        load: Load of all admitted requests.
    """

    def __init__(self, kind: str, largest: Load, limit: Load) -> None:
        self.load = Load(0, 0, 0)
        self.largest = largest
        self._kind, self._limit = kind, limit
        self._turn = asyncio.Lock()
        self._seconds_per_turn = 0.0
        self._waiting_refusals = 0

    @asynccontextmanager
    async def admit(self, scope: Scope, size: int) -> AsyncIterator[None]:
        """Admit a request until the end of the `with` block.

        Args:
            scope: ASGI scope of the request.
            size: Largest possible size of its body, in bytes.
        Yields:
            Nothing.
        Raises:
            HTTPException: 503 with Retry-After, if a limit is reached.
        """
        own = Load(1, min(self.largest.rows, size // MIN_IMAGE_BYTES), size)
        total = Load(*map(int.__add__, self.load, own))
        if any(load > limit for load, limit in zip(total, self._limit, strict=True)):
            await self._refuse(scope)
        self.load = total
        try:
            yield
        finally:
            self.load = Load(*map(int.__sub__, self.load, own))

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until the work of all earlier requests is done; the work of this request is the `with` block.

        An iteration of the event loop has at most one turn. Between two turns, it accepts connections and answers small
        requests.

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

    async def _refuse(self, scope: Scope) -> NoReturn:
        """Refuse a request after a while, or at once if too many refusals wait already."""
        if DISCARD_BODY_KEY in scope:
            scope[DISCARD_BODY_KEY]()  # otherwise a part of it would wait too
        headers = {"Retry-After": f"{max(1, math.ceil(self.load.requests * self._seconds_per_turn))}"}
        if self._waiting_refusals == MAX_WAITING_REFUSALS:
            headers["Connection"] = "close"
        else:
            self._waiting_refusals += 1
            try:
                await asyncio.sleep(max(MIN_REFUSAL_SECONDS, self._waiting_refusals / REFUSALS_PER_SECOND))
            finally:
                self._waiting_refusals -= 1
        raise HTTPException(503, f"Too many {self._kind} are in progress.", headers=headers)


def batch_admission(settings: Settings) -> Admission:
    """Create the queue of the batches.

    Args:
        settings: Settings with the limits of a batch and of a body.
    Returns:
        An empty queue; the largest batch fits.
    """
    largest = Load(1, settings.max_batch_rows, settings.max_body_bytes)
    # Each request has at least one row, so the number of requests has no other limit.
    return Admission("batches", largest, Load(MAX_ROWS, MAX_ROWS, MAX_BATCH_BODIES * largest.bytes))


def picture_admission(settings: Settings) -> Admission:
    """Create the queue of the pictures.

    Args:
        settings: Settings with the limits of a picture.
    Returns:
        An empty queue.
    """
    largest = Load(1, 0, settings.max_picture_bytes)
    return Admission("pictures", largest, Load(settings.max_pictures_in_flight, 0, MAX_PICTURE_BODIES * largest.bytes))
