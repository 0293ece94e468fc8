"""Numbers that every process of a service writes for itself, and any of them can sum up.

Each process has a lane of its own and writes nowhere else, so counting takes no lock and no system call. A
lane belongs to whoever holds the lock on its byte of the file below. The kernel lifts that lock when the
process ends, however it ends; the next one takes the lane over, with all that was counted in it, and counts
on. The file has no name: nothing is left of it once the last process is gone.

Each lane is stamped with what its cells mean, because a process that is started later may run other code.
Only lanes with the same stamp are summed up, and a lane with another one is wiped when it is taken over.

Who is alive is found out by asking to share each lock; who looks for a free lane just then takes another.
"""

import fcntl
import mmap
import os
import tempfile
import time
import weakref
from collections.abc import Callable
from multiprocessing.context import assert_spawning
from multiprocessing.reduction import DupFd
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

Floats64: TypeAlias = NDArray[np.float64]
Cells: TypeAlias = "memoryview[float]"  # the fastest way to add to one number; an array takes twice as long

CELL_BYTES = 8  # a float64, which counts exactly to 2^53


class BoardError(RuntimeError):
    """A process cannot count together with the others."""


class Board:
    """Lanes of numbers, float64, in memory that processes share.

    It can be sent to a process that is being started, and to nobody else.

    Args:
        file: Descriptor of an open file of the right size; the board closes it.
        lanes: The most processes at once.
        cells: Numbers in a lane.
        started: When counting began, seconds since 1970 and seconds of the monotonic clock.
    """

    def __init__(self, file: int, lanes: int, cells: int, started: tuple[float, float]) -> None:
        self.started = started
        self.cells = cells
        self._file, self._lanes = file, lanes
        # Any descriptor of the file that a process closes would lift its lock.
        weakref.finalize(self, os.close, file)
        numbers = np.frombuffer(mmap.mmap(file, _size(lanes, cells)), np.float64)
        self._starts, self._stamps = numbers[:lanes], numbers[lanes : 2 * lanes]
        self._numbers = numbers[2 * lanes :].reshape(lanes, cells)
        self._own: int | None = None

    @override
    def __reduce__(self) -> tuple[Callable[..., "Board"], tuple[Any, ...]]:
        assert_spawning(self)
        return _received, (DupFd(self._file), self._lanes, self.cells, self.started)

    def claim(self, stamp: float) -> Cells:
        """Take a lane that nobody has, for the rest of this process's life.

        Args:
            stamp: Stands for the meaning of the cells; more than 0.
        Returns:
            The lane, with what former owners counted in cells of the same meaning.
        Raises:
            BoardError: Every lane is taken, or this process has one.
        """
        if self._own is not None:
            raise BoardError("This process has a lane.")
        for lane in range(self._lanes):
            if self._lock(lane, fcntl.LOCK_EX):
                self._own = lane
                self._starts[lane] += 1
                if self._stamps[lane] not in {0, stamp}:
                    self._numbers[lane] = 0
                self._stamps[lane] = stamp
                return memoryview(self._numbers[lane])
        raise BoardError(f"There are more than {self._lanes} processes.")

    def lanes(self, cells: slice, *, living: bool = False) -> Floats64:
        """Look at what processes wrote that mean the same by it as this one.

        Args:
            cells: Which numbers of each lane.
            living: Whether to leave out what nobody owns any more.
        Returns:
            Shape (L, cells), for L lanes.
        """
        stamp = -1.0 if self._own is None else self._stamps[self._own]
        lanes = np.flatnonzero(self._stamps == stamp).tolist()
        return self._numbers[[lane for lane in lanes if not living or self._has_owner(lane)], cells]

    def living(self) -> int:
        """Count the processes that have a lane.

        Returns:
            Their number.
        """
        return sum(self._has_owner(lane) for lane in np.flatnonzero(self._starts).tolist())

    def starts(self) -> int:
        """Count the processes that ever had one.

        Returns:
            Their number.
        """
        return int(self._starts.sum())

    def _has_owner(self, lane: int) -> bool:
        if lane == self._own:
            return True
        if is_free := self._lock(lane, fcntl.LOCK_SH):
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, lane)
        return not is_free

    def _lock(self, lane: int, kind: int) -> bool:
        try:
            fcntl.lockf(self._file, kind | fcntl.LOCK_NB, 1, lane)
        except (BlockingIOError, PermissionError):  # which of them is the system's choice
            return False
        return True


def new_board(cells: int, lanes: int = 1) -> Board:
    """Make a board on which nothing is counted yet.

    Args:
        cells: Numbers in a lane.
        lanes: The most processes at once.
    Returns:
        A board; lanes that nobody had take no memory.
    """
    file = _unnamed_file()
    os.ftruncate(file, _size(lanes, cells))
    return Board(file, lanes, cells, (time.time(), time.monotonic()))


def _size(lanes: int, cells: int) -> int:
    """Bytes of a board: for each lane the number of its starts, its stamp and its cells."""
    return lanes * (2 + cells) * CELL_BYTES


def _unnamed_file() -> int:
    """Open a file that is in memory where the system can do that, and in no folder anywhere."""
    if hasattr(os, "memfd_create"):  # Linux alone has it
        return os.memfd_create("digits")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class _Sent(Protocol):
    """A file's descriptor on its way to another process."""

    def detach(self) -> int: ...


def _received(file: _Sent, lanes: int, cells: int, started: tuple[float, float]) -> Board:
    """Open a board in a process that was started with it."""
    return Board(file.detach(), lanes, cells, started)
