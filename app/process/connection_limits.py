"""Limits of a connection: how long the service waits for the client, and how many connections it serves."""

import asyncio
import math
import ssl
from collections.abc import Callable, Mapping
from enum import Enum, auto

import uvicorn

from app.settings import Settings

# Connections above the limit, on which only probes are answered. Their time limits are short, so that other clients do
# not keep probes out.
MAX_EXCESS_CONNECTIONS = 64
EXCESS_SECONDS = 1.0
# During the shutdown, the time limit for the next request of a connection.
LAST_REQUEST_SECONDS = 1.0


class Phase(Enum):
    """The event that a connection waits for."""

    HEAD = auto()  # the end of the first head, or of a further head that has begun
    BODY = auto()  # the end of the body of the request that the application handles
    APPLICATION = auto()  # the answer of the application
    READER = auto()  # the client reads more of an answer that does not fit into the buffers
    NEXT_REQUEST = auto()  # the first byte of a further request
    CLOSE = auto()  # the client has read the last answer


class ConnectionLimits:
    """Limits that all connections of a process share.

    Args:
        settings: Settings with the number of connections and the time limits.

    Attributes:
        connections: Largest number of connections.
        body_seconds: Time limit of a body.
        seconds: Time limit of each phase; a phase that is missing has none.
        excess_seconds: The same for connections above the limit.
        is_shutting_down: True if each connection closes after its next answer.
    """

    is_shutting_down = False

    def __init__(self, settings: Settings) -> None:
        self.connections, self.body_seconds = settings.max_connections, settings.body_timeout_seconds
        self.seconds: dict[Phase, float] = {
            Phase.HEAD: settings.head_timeout_seconds,
            **dict.fromkeys((Phase.BODY, Phase.READER, Phase.CLOSE), self.body_seconds),
            Phase.NEXT_REQUEST: settings.keep_alive_seconds,
        }
        self.excess_seconds = {phase: min(EXCESS_SECONDS, seconds) for phase, seconds in self.seconds.items()}

    def begin_shutdown(self) -> None:
        """Shorten the time limits for the next request of each connection, which is its last one."""
        self.is_shutting_down = True
        for phase in (Phase.HEAD, Phase.NEXT_REQUEST):
            self.seconds[phase] = min(LAST_REQUEST_SECONDS, self.seconds[phase])


class LimitedConfig(uvicorn.Config):
    """uvicorn's configuration, with the limits of connections and with TLS."""

    # To be set before the server starts, the second one only for TLS.
    limits: ConnectionLimits
    tls_context: ssl.SSLContext


class Deadline:
    """The time limit of the current phase of one connection.

    Args:
        loop: The event loop of the connection.
        seconds: Time limit of each phase; a phase that is missing has none.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: Mapping[Phase, float]) -> None:
        self._loop, self._seconds = loop, seconds
        self._phase: Phase | None = None
        self._end = self._timer_end = math.inf  # of the phase and of the timer, by the clock of the event loop
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, phase: Phase, expire: Callable[[Phase], None]) -> None:
        """Enter a phase; a phase that goes on keeps its time limit.

        Args:
            phase: The phase of the connection.
            expire: Function that is called with the phase if it lasts too long.
        """
        if phase is self._phase:
            return
        self._phase = phase
        self._end = self._loop.time() + self._seconds.get(phase, math.inf)
        if self._end < self._timer_end:  # a timer that ends earlier is kept, because two new timers a request cost more
            self._start_timer(expire)

    def cancel(self) -> None:
        """Remove the time limit, because the connection is lost."""
        if self._timer is not None:
            self._timer.cancel()

    def _start_timer(self, expire: Callable[[Phase], None]) -> None:
        self.cancel()
        self._timer_end = self._end
        self._timer = self._loop.call_at(self._end, self._check, expire)

    def _check(self, expire: Callable[[Phase], None]) -> None:
        is_over, self._timer_end = self._end <= self._timer_end, math.inf
        if is_over and self._phase is not None:
            expire(self._phase)
        elif self._end < math.inf:
            self._start_timer(expire)
