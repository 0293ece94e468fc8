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
STAMP = 1.0
ALL = slice(0, 2)


def count(board, stamp, pipe):
    """Count what is asked for, until the end of the questions; in a process of its own."""
    own = board.claim(stamp)
    pipe.send("ready")
    while (amount := pipe.recv()) is not None:
        own[0] += amount
        own[1] = amount
        pipe.send("counted")


class Counter:
    """A process that counts on a board."""

    def __init__(self, board, stamp):
        self.pipe, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=count, args=(board, stamp, theirs), daemon=True)
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

    def start(stamp=STAMP):
        counters.append(Counter(board, stamp))
        return counters[-1]

    yield start
    for counter in counters:
        if counter.process.is_alive():
            counter.kill()


def test_what_two_processes_count_adds_up(board, start):
    own = board.claim(STAMP)
    first, second = start(), start()
    for amount in (1, 2, 3):
        first.add(amount)
        second.add(10 * amount)
    own[0] += 100
    assert board.lanes(ALL)[:, 0].sum() == 166
    assert (board.living(), board.starts()) == (3, 3)


def test_a_killed_process_takes_no_count_with_it_and_its_gauges_do_not_linger(board, start):
    board.claim(STAMP)
    victim = start()
    victim.add(7)
    assert board.lanes(ALL, living=True)[:, 1].sum() == 7
    victim.kill()
    assert board.lanes(ALL)[:, 0].sum() == 7
    assert board.lanes(ALL, living=True)[:, 1].sum() == 0
    assert board.living() == 1


def test_the_next_process_takes_over_the_lane_of_a_dead_one(board, start):
    board.claim(STAMP)
    for times in range(1, 6):  # more than there are lanes
        victim = start()
        victim.add(7)
        assert board.lanes(ALL)[:, 0].sum() == 7 * times
        victim.kill()
    assert board.starts() == 6
    assert len(board.lanes(ALL)) == 2


def test_looking_who_is_alive_takes_nobodys_lane_away(board, start):
    board.claim(STAMP)
    first = start()
    assert [board.living() for _ in range(3)] == [2, 2, 2]
    second = start()
    first.add(1)
    second.add(2)
    assert sorted(board.lanes(ALL)[:, 0]) == [0, 1, 2]  # each has its own


def test_a_process_that_finds_no_lane_says_so(board, start):
    for _ in range(3):
        start()
    with pytest.raises(BoardError, match="more than 3 processes"):
        board.claim(STAMP)


def test_a_process_has_one_lane():
    board = new_board(cells=1, lanes=2)
    board.claim(STAMP)
    with pytest.raises(BoardError, match="has a lane"):
        board.claim(STAMP)


def test_a_free_lane_is_found_by_whoever_comes_after_somebody_looked(board, start):
    board.claim(STAMP)
    victim = start()
    victim.kill()
    assert board.living() == 1  # looks at the free lane, and leaves it free
    start()
    assert len(board.lanes(ALL)) == 2


def test_the_system_may_say_in_two_ways_that_a_lane_is_taken(board, monkeypatch):
    def refuse(*arguments):
        if arguments[-1] < 2:
            raise (BlockingIOError, PermissionError)[arguments[-1]]

    monkeypatch.setattr("app.metrics.board.fcntl.lockf", refuse)
    board.claim(STAMP)
    assert board.lanes(ALL).shape == (1, 2)
    assert board.living() == 1


def test_a_board_goes_to_processes_that_are_being_started_and_nowhere_else(board):
    with pytest.raises(RuntimeError, match="inheritance"):
        pickle.dumps(board)


def test_processes_that_mean_something_else_by_their_cells_are_not_summed_up(board, start):
    own = board.claim(STAMP)
    own[0] += 5
    other, alike = start(2.0), start()
    other.add(70)
    alike.add(7)
    assert sorted(board.lanes(ALL)[:, 0]) == [5, 7]
    assert (board.living(), board.starts()) == (3, 3)  # they live all the same


def test_a_lane_that_meant_something_else_is_wiped_by_who_takes_it_over(board, start):
    other = start(2.0)
    other.add(70)
    other.kill()
    own = board.claim(STAMP)
    assert list(own) == [0, 0]
    assert board.lanes(ALL).tolist() == [[0, 0]]


def test_who_has_no_lane_sees_nothing(board, start):
    start().add(7)
    assert board.lanes(ALL).shape == (0, 2)
    assert board.living() == 1


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
        "board = new_board(cells=1); own = board.claim(1.0); own[0] = 5\n"
        "assert board.lanes(slice(0, 1)).tolist() == [[5]] and board.living() == 1\n"
        "assert not os.listdir(tempfile.gettempdir())"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
