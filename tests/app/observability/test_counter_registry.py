"""Everything that counts has cells of its own, and only what means the same is summed up."""

from multiprocessing import get_context

import pytest

from app.metrics.board import BoardError, new_board
from app.metrics.layout import Layout


def test_blocks_lie_side_by_side():
    layout = Layout(new_board(cells=5))
    first, second = layout.take(2, "first"), layout.take(3, "second")
    layout.seal()
    first.own[1] = 1
    second.own[0] = 2
    assert list(first.sum()) == [0, 1]
    assert list(second.sum()) == [2, 0, 0]


def test_there_are_no_more_cells_than_a_lane_has():
    layout = Layout(new_board(cells=5))
    layout.take(5)
    with pytest.raises(BoardError, match="A lane has 5 cells; 6 would be needed"):
        layout.take(1)


def lay_out(board, *takes):
    """Count 1 in the first cell of each block, and give the blocks."""
    layout = Layout(board)
    blocks = [layout.take(width, *meaning) for width, *meaning in takes]
    layout.seal()
    for block in blocks:
        block.own[0] += 1
    return blocks


def count_too(board, takes):
    lay_out(board, *takes)


def counted_together(theirs, ours):
    """Whether a process sees what one counted that is gone."""
    board = new_board(cells=4, lanes=1)
    process = get_context("spawn").Process(target=count_too, args=(board, theirs))
    process.start()
    process.join()
    assert board.starts() == 1
    (first, *_) = lay_out(board, *ours)
    return first.sum()[0] == 2


TAKES = [(1, "a", ("x", 1.0)), (2, "b")]


def test_what_means_the_same_is_counted_together():
    assert counted_together(TAKES, TAKES)


@pytest.mark.parametrize(
    "ours",
    [
        [(1, "a", ("x", 2.0)), (2, "b")],
        [(1, "a", ("x", 1.0)), (2, "c")],
        [(1, "a", ("x", 1.0)), (3, "b")],
        [(1, "a", ("x", 1.0)), (1, "b"), (1, "b")],
        [(2, "b"), (1, "a", ("x", 1.0))],
        [(1, "a", ("x", 1.0)), (2, "b"), (1, "c")],
    ],
)
def test_what_means_something_else_is_not(ours):
    assert not counted_together(TAKES, ours)


def leave(board):
    layout = Layout(board)
    count, gauge = layout.take(1, "count"), layout.take(2, "gauge", is_gauge=True)
    layout.seal()
    count.own[0], gauge.own[0], gauge.own[1] = 3, 4, 5


def test_gauges_begin_at_0_with_every_process_and_counts_go_on():
    board = new_board(cells=3)
    process = get_context("spawn").Process(target=leave, args=(board,))
    process.start()
    process.join()
    layout = Layout(board)
    count, gauge = layout.take(1, "count"), layout.take(2, "gauge", is_gauge=True)
    layout.seal()
    assert (list(count.sum()), list(gauge.sum())) == ([3], [0, 0])
