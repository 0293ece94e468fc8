"""Which cells of a lane are whose."""

import hashlib

import numpy as np

from app.metrics.board import Board, BoardError, Cells, Floats64

STAMP_BYTES = 6  # of a digest, so that it is a number that a float64 can be


class Block:
    """Some cells of every lane.

    Args:
        board: Whose.
        cells: Which.
    """

    own: Cells  # this process's, to count in, once the layout is sealed

    def __init__(self, board: Board, cells: slice) -> None:
        self.cells = cells
        self._board = board

    def lanes(self, *, living: bool = False) -> Floats64:
        """Look at what processes wrote in these cells.

        Args:
            living: Whether to leave out the processes that ended.
        Returns:
            Shape (L, cells), for L lanes.
        """
        return self._board.lanes(self.cells, living=living)

    def sum(self) -> Floats64:
        """Add up what processes counted, those included that ended.

        Returns:
            A number for each cell.
        """
        return np.asarray(self.lanes().sum(axis=0))


class Layout:
    """Sets cells aside for whatever counts, and then takes a lane that has them.

    Args:
        board: Where the lane is.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._blocks: list[tuple[str, Block]] = []
        self._gauges: list[Block] = []

    def take(self, width: int, *meaning: object, is_gauge: bool = False) -> Block:
        """Set the next cells aside.

        Args:
            width: How many.
            meaning: Says what they are, and is written alike wherever it is alike.
            is_gauge: Whether they begin at 0 again with every process.
        Returns:
            The cells, to be used once the layout is sealed.
        Raises:
            BoardError: So many are not left.
        """
        start = self._blocks[-1][1].cells.stop if self._blocks else 0
        block = Block(self._board, slice(start, start + width))
        if block.cells.stop > self._board.cells:
            raise BoardError(f"A lane has {self._board.cells} cells; {block.cells.stop} would be needed.")
        self._blocks.append((repr(meaning), block))
        self._gauges += [block] if is_gauge else []
        return block

    def seal(self) -> None:
        """Take a lane, in which other processes may have counted the same.

        Raises:
            BoardError: There is none.
        """
        meaning = repr([(meaning, block.cells) for meaning, block in self._blocks])
        digest = hashlib.sha256(meaning.encode()).digest()
        own = self._board.claim(1 + int.from_bytes(digest[:STAMP_BYTES]))
        for _, block in self._blocks:
            block.own = own[block.cells]
        for gauge in self._gauges:
            for cell in range(len(gauge.own)):
                gauge.own[cell] = 0
