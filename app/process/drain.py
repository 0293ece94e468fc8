"""The drain: the time in which the service is not ready any more, and still answers all requests."""

import ctypes
import math
import signal
import time
from multiprocessing.sharedctypes import RawValue

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class DrainState:
    """State of the drain: not begun, running or over. The supervisor and all workers share one state.

    The state is a number in shared memory. Workers read it without a lock, so a probe never waits. The number is a time
    of the monotonic clock, which is the same in all processes, so the drain ends for all of them at the same time.

    Args:
        seconds: Length of the drain, in seconds.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = RawValue(ctypes.c_double, math.inf)

    def begin(self) -> None:
        """Announce the shutdown, if it is not announced yet."""
        self._end.value = min(self._end.value, time.monotonic() + self._seconds)

    def handle_signal(self, number: int) -> None:
        """Begin the drain on the first SIGTERM, and end it on a second signal and on SIGINT.

        Args:
            number: Number of one of `STOP_SIGNALS`.
        """
        if number == signal.SIGTERM and not self.is_draining():
            self.begin()
        else:
            self._end.value = -math.inf

    def is_draining(self) -> bool:
        """Tell whether the shutdown has been announced.

        Returns:
            True after the announcement, also after the end of the drain.
        """
        return bool(self._end.value < math.inf)

    def is_over(self) -> bool:
        """Tell whether the drain has ended.

        Returns:
            True if the service must stop now.
        """
        return time.monotonic() >= self._end.value
