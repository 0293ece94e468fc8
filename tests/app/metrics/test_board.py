"""Processes count side by side, and what one counted outlives it."""

import gc
import os
import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import pytest

from app.metrics.board import BoardError, new_board

SPAWN = get_context("spawn")


def count(board, pipe):
    """Count what is asked for, until the end of the questions; in a process of its own."""
    block = board.claim().take(2)
    pipe.send("ready")
    while (amount := pipe.recv()) is not None:
        block.own[0] += amount
        block.own[1] = amount
        pipe.send("counted")


class Counter:
    """A process that counts on a board."""

    def __init__(self, board):
        self.pipe, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=count, args=(board, theirs), daemon=True)
        self.process.start()
        assert self.pipe.recv() == "ready"

    def add(self, amount):
        self.pipe.send(amount)
        assert self.pipe.recv() == "counted"

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()

    def end(self):
        self.pipe.send(None)
        self.process.join()


@pytest.fixture
def board():
    return new_board(cells=2, lanes=3)


@pytest.fixture
def start(board):
    """Starts processes that count, and ends them with the test."""
    counters = []

    def start():
        counters.append(Counter(board))
        return counters[-1]

    yield start
    for counter in counters:
        if counter.process.is_alive():
            counter.kill()


def test_what_two_processes_count_adds_up(board, start):
    block = board.claim().take(2)
    first, second = start(), start()
    for amount in (1, 2, 3):
        first.add(amount)
        second.add(10 * amount)
    block.own[0] += 100
    assert block.sum()[0] == 166
    assert (board.living(), board.starts()) == (3, 3)


def test_a_killed_process_takes_no_count_with_it_and_its_gauges_do_not_linger(board, start):
    block = board.claim().take(2)
    victim = start()
    victim.add(7)
    assert block.lanes(living=True)[:, 1].sum() == 7
    victim.kill()
    assert block.sum()[0] == 7
    assert block.lanes(living=True)[:, 1].sum() == 0
    assert board.living() == 1


def test_the_next_process_takes_over_the_lane_of_a_dead_one(board, start):
    block = board.claim().take(2)
    for times in range(1, 6):  # more than there are lanes
        victim = start()
        victim.add(7)
        assert block.sum()[0] == 7 * times
        victim.kill()
    assert board.starts() == 6
    assert len(block.lanes()) == 2


def test_looking_who_is_alive_takes_nobodys_lane_away(board, start):
    block = board.claim().take(2)
    first = start()
    assert [board.living() for _ in range(3)] == [2, 2, 2]
    second = start()
    first.add(1)
    second.add(2)
    assert sorted(block.lanes()[:, 0]) == [0, 1, 2]  # each has its own


def test_a_process_that_finds_no_lane_says_so(board, start):
    for _ in range(3):
        start()
    with pytest.raises(BoardError, match="more than 3 processes"):
        board.claim()


def test_a_process_has_one_lane():
    board = new_board(cells=1, lanes=2)
    board.claim()
    with pytest.raises(BoardError, match="has a lane"):
        board.claim()


def test_a_free_lane_is_found_by_whoever_comes_after_somebody_looked(board, start):
    block = board.claim().take(2)
    victim = start()
    victim.kill()
    assert board.living() == 1  # looks at the free lane, and leaves it free
    start()
    assert len(block.lanes()) == 2


def test_the_system_may_say_in_two_ways_that_a_lane_is_taken(board, monkeypatch):
    def refuse(*arguments):
        if arguments[-1] < 2:
            raise (BlockingIOError, PermissionError)[arguments[-1]]

    monkeypatch.setattr("app.metrics.board.fcntl.lockf", refuse)
    board.claim()
    assert board.lanes(slice(0, 2)).shape == (1, 2)
    assert board.living() == 1


def test_a_board_goes_to_processes_that_are_being_started_and_nowhere_else(board):
    with pytest.raises(RuntimeError, match="inheritance"):
        pickle.dumps(board)


def test_processes_that_mean_something_else_by_their_cells_do_not_count_together():
    board = new_board(cells=3, lanes=2)
    lane = board.claim()
    lane.take(2)
    lane.seal("a", ("b", 1.0))
    lane.seal("a", ("b", 1.0))
    for labels in [("a",), ("a", ("b", 2.0)), ("b", ("a", 1.0))]:
        with pytest.raises(BoardError, match="code has changed"):
            lane.seal(*labels)
    lane.take(1)
    with pytest.raises(BoardError, match="code has changed"):
        lane.seal("a", ("b", 1.0))


def test_cells_are_taken_one_after_the_other_and_no_more_than_there_are():
    lane = new_board(cells=5).claim()
    first, second = lane.take(2), lane.take(3)
    first.own[1] = 1
    second.own[0] = 2
    assert list(first.sum()) == [0, 1]
    assert list(second.sum()) == [2, 0, 0]
    with pytest.raises(ValueError, match="A lane has 5 cells; 6 would be needed"):
        lane.take(1)


def memory_files():
    """What the open descriptors of boards of this process lead to."""
    gc.collect()
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists them
            found.append(descriptor.readlink())
    return [file for file in found if file.name.startswith("memfd:digits")]


@pytest.mark.skipif(not Path("/proc").exists(), reason="asks Linux which files are open")
def test_a_board_has_no_file_in_any_folder_and_gives_its_descriptors_back():
    before = memory_files()
    board = new_board(cells=1)
    during = memory_files()
    assert len(during) > len(before)
    assert not any(file.exists() for file in during)
    del board
    assert memory_files() == before


def test_without_memory_files_it_takes_a_temporary_file_that_is_removed_at_once(tmp_path):
    code = (
        "import os, tempfile; del os.memfd_create\n"
        "from app.metrics.board import new_board\n"
        "board = new_board(cells=1); block = board.claim().take(1); block.own[0] = 5\n"
        "assert block.sum()[0] == 5 and board.living() == 1\n"
        "assert not os.listdir(tempfile.gettempdir())"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
