"""Straight lines in a mask: finds them, and erases them without the strokes that cross them.

Lines are found among the thin runs: groups of true pixels, adjacent in a column, that are not longer than a line is
thick. A stroke that crosses a line makes the run longer, so the run is no longer thin, and it is kept. For vertical
lines, the mask is transposed.

Source: runs as in the removal of staff lines from music; Dalitz, Droettboom, Pranzas and Fujinaga 2008, "A comparative
study of staff removal algorithms". Lines by the Hough transform; Duda and Hart 1972, "Use of the Hough transformation
to detect lines and curves in pictures".
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.picture.components import Mask, find_runs

MAX_THICKNESS = 0.06  # of the longer side of the picture
MAX_SLOPE = 0.36  # tangent of 20 degrees
MIN_LENGTH = 0.1  # of the width of the picture, without gaps
MIN_PIXELS = 8  # the smallest length in a small picture
VOTING_SIDE = 256  # cells of the Hough transform along the longer side
MAX_LINES = 60
MAX_RUNS = 100_000  # more thin runs are noise; pictures with printed lines have fewer than 50,000
FIT_ROUNDS = 2
THICKNESS_QUANTILE = 0.25  # strokes along the line make runs longer
MAX_RUN_RATIO = 1.5  # thicknesses of the line, plus one pixel; longer runs belong to a stroke that crosses the line


class Line(NamedTuple):
    """A nearly horizontal or vertical line.

    Args:
        is_vertical: True if the line is vertical. Its mask was transposed, so all fields exchange rows and columns.
        first: First column.
        last: Last column.
        row: Row in the middle of the line.
        thickness: Length of its thin runs, in pixels: a quarter of all runs are not longer.
        runs: Runs of the line, shape (R, 3): the column, the first row, and the row after the last one.
    """

    is_vertical: bool
    first: int
    last: int
    row: float
    thickness: float
    runs: NDArray[np.intp]

    @property
    def length(self) -> int:
        """Number of columns from the first to the last one."""
        return self.last - self.first + 1


def find_lines(mask: Mask) -> list[Line]:
    """Find the straight lines that are nearly horizontal or vertical.

    Args:
        mask: Shape (height, width).
    Returns:
        At most 60 horizontal lines, then at most 60 vertical ones, those with the most votes first. None if the mask
        has too many runs.
    """
    return [*_find_lines(mask, is_vertical=False), *_find_lines(mask.T, is_vertical=True)]


def _find_lines(mask: Mask, *, is_vertical: bool) -> Iterator[Line]:
    """Yield the nearly horizontal lines, in the order of their votes."""
    height, width = mask.shape
    cell = -(-max(height, width) // VOTING_SIDE)
    runs = _thin_runs(mask, MAX_THICKNESS * max(height, width))
    min_length = max(MIN_PIXELS, MIN_LENGTH * width)
    is_voter = runs[:, 0] % cell == 0
    if is_voter.sum() * cell < min_length or len(runs) > MAX_RUNS:
        return
    x, y = runs[:, 0] - width / 2, (runs[:, 1] + runs[:, 2] - 1) / 2
    space = _hough_space(height, width, cell)
    cells = space.cells(x[is_voter], y[is_voter])
    votes = np.bincount(cells.ravel(), minlength=space.size)
    is_free = np.ones(len(runs), bool)
    for _ in range(MAX_LINES):
        pairs = votes[:-1] + votes[1:]  # a line can lie between two cells
        best = int(pairs.argmax())
        if pairs[best] * cell < min_length:
            return
        slope, offset = space.line(best)
        for _ in range(FIT_ROUNDS):
            is_near = is_free & (np.abs(y - offset - slope * x) <= cell + 1)
            slope, offset = _fit_line(x[is_near], y[is_near], slope, offset)
        is_near = is_free & (np.abs(y - offset - slope * x) <= cell + 1)
        votes -= np.bincount(cells[is_near[is_voter]].ravel(), minlength=space.size)
        votes[best : best + 2] = 0  # also if the fitted line is another one, so that the loop goes on
        is_free &= ~is_near
        line = runs[is_near]
        if len(line) and np.count_nonzero(np.diff(line[:, 0], prepend=-1)) >= min_length:
            first, last = int(line[0, 0]), int(line[-1, 0])
            row = offset + slope * ((first + last) / 2 - width / 2)
            thickness = float(np.quantile(line[:, 2] - line[:, 1], THICKNESS_QUANTILE))
            yield Line(is_vertical, first, last, row, thickness, line)


class _HoughSpace(NamedTuple):
    """The cells of a Hough transform: each stands for a slope and an offset, which is the row in the middle column.

    Args:
        slopes: Shape (S,).
        first_offset: Offset of the first cell of each slope, in cells; below 0, because a line can leave the picture.
        offset_count: Number of cells for each slope.
        cell: Side of a cell in pixels.
    """

    slopes: NDArray[np.float64]
    first_offset: int
    offset_count: int
    cell: int

    @property
    def size(self) -> int:
        """Number of cells."""
        return len(self.slopes) * self.offset_count

    def cells(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int32]:
        """Find the cells of all lines through each of N points: numbers of cells, shape (N, S)."""
        offsets = np.rint((y[:, None] - x[:, None] * self.slopes) / self.cell).astype(np.int32)
        starts = np.arange(len(self.slopes), dtype=np.int32) * np.int32(self.offset_count)
        return offsets - np.int32(self.first_offset) + starts

    def line(self, number: int) -> tuple[float, float]:
        """Return slope and offset, in pixels, of the line between a cell and the next one."""
        index, offset = divmod(number, self.offset_count)
        return float(self.slopes[index]), (offset + self.first_offset + 0.5) * self.cell


def _hough_space(height: int, width: int, cell: int) -> _HoughSpace:
    """Choose the cells so that two neighbouring slopes differ by less than a cell at the sides of the picture."""
    steps = round(MAX_SLOPE * width / 2 / cell) + 1
    slopes = np.linspace(-MAX_SLOPE, MAX_SLOPE, 2 * steps + 1)
    return _HoughSpace(slopes, -steps - 1, height // cell + 2 * steps + 4, cell)


def _thin_runs(mask: Mask, max_length: float) -> NDArray[np.intp]:
    """Find the short runs of all columns: column, first row, and row after the last one, shape (R, 3)."""
    starts, ends, stride = find_runs(mask.T)
    is_thin = ends - starts <= max_length
    columns, rows = np.divmod(starts[is_thin], stride)
    return np.stack([columns, rows, rows + (ends - starts)[is_thin]], axis=1)


def _fit_line(x: NDArray[np.float64], y: NDArray[np.float64], slope: float, offset: float) -> tuple[float, float]:
    """Fit a line by least squares; without two different points, the given slope and offset are returned."""
    if len(x) == 0 or (variance := float(x.var())) == 0:
        return slope, offset
    slope = float(((x - x.mean()) * y).mean()) / variance
    return slope, float(y.mean()) - slope * float(x.mean())


def erase(mask: Mask, lines: Iterable[Line]) -> Mask:
    """Set the thin runs of lines to false.

    Args:
        mask: The mask in which the lines were found, or a part of it, shape (height, width).
        lines: The lines.
    Returns:
        The mask without the lines, same shape. Runs that a crossing stroke makes longer are kept.
    """
    result = mask.copy()
    for line in lines:
        lengths = line.runs[:, 2] - line.runs[:, 1]
        is_thin = lengths <= MAX_RUN_RATIO * line.thickness + 1
        columns, rows, _ = np.repeat(line.runs[is_thin], lengths[is_thin], axis=0).T
        ends = lengths[is_thin].cumsum()
        rows = rows + np.arange(len(rows)) - np.repeat(ends - lengths[is_thin], lengths[is_thin])
        (result.T if line.is_vertical else result)[rows, columns] = False
    return result
