"""The first phase of the graceful shutdown: readiness turns 503, and requests are still answered."""

import asyncio
import ctypes
import multiprocessing
import signal
from collections.abc import Callable
from types import FrameType

import uvicorn

SPAWN = multiprocessing.get_context("spawn")  # uvicorn starts its workers with this method


class DrainState:
    """Whether the shutdown has been announced; the supervisor and all workers share one state.

    The state is a byte of shared memory. Workers read it without a lock, so a probe never waits.
    """

    def __init__(self) -> None:
        self._is_draining = SPAWN.RawValue(ctypes.c_bool)

    def announce(self) -> None:
        """Announce the shutdown."""
        self._is_draining.value = True

    def is_draining(self) -> bool:
        """Tell whether the shutdown has been announced.

        Returns:
            True after the announcement.
        """
        return bool(self._is_draining.value)


def install_drain_handler(drain_seconds: float, announce: Callable[[], None]) -> None:
    """Install a handler of SIGTERM that stops this process after a drain, in which it still answers requests.

    This function must run in the event loop, after uvicorn has installed its own signal handler, which it replaces.
    uvicorn's handler remembers a SIGTERM, and uvicorn raises it a second time when the server has stopped. In a worker,
    that second SIGTERM kills the process, possibly before the last answers have left it. So the first SIGTERM must not
    reach uvicorn's handler. A worker may get two SIGTERMs, one from the service manager and one from the supervisor.
    The second one is ignored.

    Args:
        drain_seconds: Length of the drain, in seconds.
        announce: Function that is called when the drain begins.
    Raises:
        RuntimeError: The handler of SIGTERM is not a method of a uvicorn server.
    """
    loop, handler = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)
    server = getattr(handler, "__self__", None)
    if not isinstance(server, uvicorn.Server):  # no argument has a wrong type, so this is not a TypeError
        raise RuntimeError(f"SIGTERM must be handled by a uvicorn.Server, not by {handler!r}.")  # noqa: TRY004

    def stop() -> None:
        server.should_exit = True

    def start_drain(_: int, __: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, lambda *_: None)  # a further SIGTERM has no effect now
        announce()
        loop.call_later(drain_seconds, stop)

    signal.signal(signal.SIGTERM, start_drain)
