"""Numbers that every process of a service writes for itself, and any of them can sum up.

Each process has a row of its own and writes nowhere else, so counting takes no lock and no system call. A row
belongs to whoever holds the lock on its byte of the file below. The kernel lifts that lock when the process
ends, however it ends; the next one takes the row over, with all that was counted in it, and counts on. The
file has no name: nothing is left of it once the last process is gone.
"""

import fcntl
import mmap
import os
import tempfile
import time
import weakref
from collections.abc import Callable
from multiprocessing.reduction import DupFd
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

Floats64: TypeAlias = NDArray[np.float64]
Cells: TypeAlias = "memoryview[float]"  # the fastest way to add to one number; an array takes twice as long

CELL_BYTES = 8  # a float64, which counts exactly to 2^53


class Board:
    """Rows of numbers, float64, in memory that processes share.

    It can be sent to a process that is being started, and to nobody else.

    Args:
        file: Descriptor of an open file of the right size; the board closes it.
        rows: The most processes at once.
        cells: Numbers in a row.
        started: When counting began, seconds since 1970.
    """

    def __init__(self, file: int, rows: int, cells: int, started: float) -> None:
        self.started = started
        self._file, self._rows, self._cells = file, rows, cells
        # Any descriptor of the file that a process closes would lift its lock; so this one stays.
        weakref.finalize(self, os.close, file)
        self.memory = mmap.mmap(file, _size(rows, cells))
        numbers = np.frombuffer(self.memory, np.float64)
        self._starts = numbers[:rows]  # how many processes had each row
        self._numbers = numbers[rows:].reshape(rows, cells)
        self._own: int | None = None

    @override
    def __reduce__(self) -> tuple[Callable[..., "Board"], tuple[Any, ...]]:
        return _received, (DupFd(self._file), self._rows, self._cells, self.started)

    def claim(self) -> "Row":
        """Take a row that nobody has, for the rest of this process's life.

        Returns:
            The row, with what its former owners counted.
        Raises:
            RuntimeError: Every row is taken.
        """
        for index in range(self._rows):
            if self._lock(index, fcntl.LOCK_EX):
                self._own = index
                self._starts[index] += 1
                start = self._rows + index * self._cells
                return Row(self, memoryview(self.memory).cast("d")[start : start + self._cells])
        raise RuntimeError(f"There are more than {self._rows} processes.")

    def rows(self, cells: slice, *, living: bool = False) -> Floats64:
        """Look at what processes wrote.

        Args:
            cells: Which numbers of each row.
            living: Whether to leave out what nobody owns any more.
        Returns:
            Shape (R, cells), for R rows that were ever owned.
        """
        rows = np.flatnonzero(self._starts).tolist()
        return self._numbers[[row for row in rows if not living or self._has_owner(row)], cells]

    def living(self) -> int:
        """Count the processes that have a row.

        Returns:
            Their number.
        """
        return sum(self._has_owner(row) for row in np.flatnonzero(self._starts).tolist())

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


class Row:
    """The numbers of one process. Whatever counts takes its cells from here, in the same order everywhere.

    Args:
        board: Whose row.
        own: The numbers.
    """

    def __init__(self, board: Board, own: Cells) -> None:
        self.board = board
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
            raise ValueError(f"A row has {len(self._own)} cells; {cells.stop} would be needed.")
        self._taken = cells.stop
        return Block(self.board, cells, self._own[cells])


class Block:
    """Some cells of every row.

    Args:
        board: Whose.
        cells: Which.
        own: This process's own, to count in.
    """

    def __init__(self, board: Board, cells: slice, own: Cells) -> None:
        self.own = own
        self._board = board
        self._cells = cells

    def rows(self, *, living: bool = False) -> Floats64:
        """Look at what processes wrote in these cells.

        Args:
            living: Whether to leave out the processes that ended.
        Returns:
            A row for each.
        """
        return self._board.rows(self._cells, living=living)

    def sum(self) -> Floats64:
        """Add up what processes counted, those included that ended.

        Returns:
            A number for each cell.
        """
        return np.asarray(self.rows().sum(axis=0))


def new_board(cells: int, rows: int = 1) -> Board:
    """Make a board on which nothing is counted yet.

    Args:
        cells: Numbers in a row.
        rows: The most processes at once.
    Returns:
        A board; only rows that are used take memory.
    """
    file = _unnamed_file()
    os.ftruncate(file, _size(rows, cells))
    return Board(file, rows, cells, time.time())


def _size(rows: int, cells: int) -> int:
    """Bytes of a board: for each row the number of its starts, and its cells."""
    return (1 + cells) * rows * CELL_BYTES


def _unnamed_file() -> int:
    """Open a file that is in memory where the system can do that, and in no folder anywhere."""
    if hasattr(os, "memfd_create"):  # Linux alone has it
        return os.memfd_create("digits")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class _Sent(Protocol):
    """A file's descriptor on its way to another process."""

    def detach(self) -> int: ...


def _received(file: _Sent, rows: int, cells: int, started: float) -> Board:
    """Open a board in a process that was started with it."""
    return Board(file.detach(), rows, cells, started)
