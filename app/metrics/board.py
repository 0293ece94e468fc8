"""Numbers that every process of a service writes for itself, and any of them can sum up.

Each process has a lane of its own and writes nowhere else, so counting takes no lock and no system call. A
lane belongs to whoever holds the lock on its byte of the file below. The kernel lifts that lock when the
process ends, however it ends; the next one takes the lane over, with all that was counted in it, and counts
on. The file has no name: nothing is left of it once the last process is gone.

Who is alive is found out by asking to share each lock; who looks for a free lane just then takes another.
"""

import fcntl
import hashlib
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
LAYOUT_BYTES = 6  # of a digest, so that it is such a number too


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
        self._file, self._lanes, self._cells = file, lanes, cells
        # Any descriptor of the file that a process closes would lift its lock.
        weakref.finalize(self, os.close, file)
        self._memory = mmap.mmap(file, _size(lanes, cells))
        numbers = np.frombuffer(self._memory, np.float64)
        self._layout = numbers[:1]  # a digest of what each cell means, once a process knows
        self._starts = numbers[1 : 1 + lanes]  # how many processes had each lane
        self._numbers = numbers[1 + lanes :].reshape(lanes, cells)
        self._own: int | None = None

    @override
    def __reduce__(self) -> tuple[Callable[..., "Board"], tuple[Any, ...]]:
        assert_spawning(self)
        return _received, (DupFd(self._file), self._lanes, self._cells, self.started)

    def claim(self) -> "Lane":
        """Take a lane that nobody has, for the rest of this process's life.

        Returns:
            The lane, with what its former owners counted.
        Raises:
            BoardError: Every lane is taken, or this process has one.
        """
        if self._own is not None:
            raise BoardError("This process has a lane.")
        for index in range(self._lanes):
            if self._lock(index, fcntl.LOCK_EX):
                self._own = index
                self._starts[index] += 1
                start = 1 + self._lanes + index * self._cells
                return Lane(self, memoryview(self._memory).cast("d")[start : start + self._cells])
        raise BoardError(f"There are more than {self._lanes} processes.")

    def agree(self, layout: float) -> None:
        """Make sure that all processes mean the same by each cell; the first one decides.

        Args:
            layout: Stands for the meaning of the cells, not 0.
        Raises:
            BoardError: Others mean something else, because their code is of another day.
        """
        if not self._layout[0]:
            self._layout[0] = layout
        if self._layout[0] != layout:
            raise BoardError("The code has changed since the service started.")

    def lanes(self, cells: slice, *, living: bool = False) -> Floats64:
        """Look at what processes wrote.

        Args:
            cells: Which numbers of each lane.
            living: Whether to leave out what nobody owns any more.
        Returns:
            Shape (L, cells), for L lanes that were ever owned.
        """
        lanes = np.flatnonzero(self._starts).tolist()
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

    def _has_owner(self, index: int) -> bool:
        if index == self._own:
            return True
        if is_free := self._lock(index, fcntl.LOCK_SH):
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, index)
        return not is_free

    def _lock(self, index: int, kind: int) -> bool:
        try:
            fcntl.lockf(self._file, kind | fcntl.LOCK_NB, 1, index)
        except (BlockingIOError, PermissionError):  # which of them is the system's choice
            return False
        return True


class Lane:
    """The numbers of one process. Whatever counts takes its cells from here, in the same order everywhere.

    Args:
        board: Whose lane.
        own: The numbers.
    """

    def __init__(self, board: Board, own: Cells) -> None:
        self._board = board
        self._own = own
        self._taken = 0

    def take(self, width: int) -> "Block":
        """Set cells aside.

        Args:
            width: How many.
        Returns:
            The cells.
        Raises:
            ValueError: So many are not left.
        """
        cells = slice(self._taken, self._taken + width)
        if cells.stop > len(self._own):
            raise ValueError(f"A lane has {len(self._own)} cells; {cells.stop} would be needed.")
        self._taken = cells.stop
        return Block(self._board, cells, self._own[cells])

    def seal(self, *labels: object) -> None:
        """Agree with the other processes on what the cells mean that were taken.

        Args:
            labels: Whatever says it, and is written alike if it is alike.
        Raises:
            BoardError: Others mean something else.
        """
        digest = hashlib.sha256(repr((self._taken, labels)).encode()).digest()
        self._board.agree(1 + int.from_bytes(digest[:LAYOUT_BYTES]))


class Block:
    """Some cells of every lane.

    Args:
        board: Whose.
        cells: Which.
        own: This process's own, to count in.
    """

    def __init__(self, board: Board, cells: slice, own: Cells) -> None:
        self.own = own
        self._board = board
        self._cells = cells

    def lanes(self, *, living: bool = False) -> Floats64:
        """Look at what processes wrote in these cells.

        Args:
            living: Whether to leave out the processes that ended.
        Returns:
            Shape (L, cells), for L lanes.
        """
        return self._board.lanes(self._cells, living=living)

    def sum(self) -> Floats64:
        """Add up what processes counted, those included that ended.

        Returns:
            A number for each cell.
        """
        return np.asarray(self.lanes().sum(axis=0))


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
    """Bytes of a board: its layout, and for each lane the number of its starts and its cells."""
    return (1 + lanes * (1 + cells)) * CELL_BYTES


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
