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

from app.observability.shared_counters import SharedCountersError, create_shared_counters

SPAWN = get_context("spawn")
STAMP = 1.0
ALL = slice(0, 2)


def count(counters, stamp, pipe):
    """Count what is asked for, until the end of the questions; in a process of its own."""
    own = counters.claim_slot(stamp)
    pipe.send("ready")
    while (amount := pipe.recv()) is not None:
        own[0] += amount
        own[1] = amount
        pipe.send("counted")


class Counter:
    """A process that counts on a counters."""

    def __init__(self, counters, stamp):
        self.pipe, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=count, args=(counters, stamp, theirs), daemon=True)
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
def counters():
    return create_shared_counters(counters_per_slot=2, slot_count=3)


@pytest.fixture
def start(counters):
    """Starts processes that count, and ends them with the test."""
    processes = []

    def start(stamp=STAMP):
        processes.append(Counter(counters, stamp))
        return processes[-1]

    yield start
    for counting in processes:
        if counting.process.is_alive():
            counting.kill()


def test_what_two_processes_count_adds_up(counters, start):
    own = counters.claim_slot(STAMP)
    first, second = start(), start()
    for amount in (1, 2, 3):
        first.add(amount)
        second.add(10 * amount)
    own[0] += 100
    assert counters.read_slots(ALL)[:, 0].sum() == 166
    assert (counters.count_live_processes(), counters.count_process_starts()) == (3, 3)


def test_a_killed_process_takes_no_count_with_it_and_its_gauges_do_not_linger(counters, start):
    counters.claim_slot(STAMP)
    victim = start()
    victim.add(7)
    assert counters.read_slots(ALL, live_only=True)[:, 1].sum() == 7
    victim.kill()
    assert counters.read_slots(ALL)[:, 0].sum() == 7
    assert counters.read_slots(ALL, live_only=True)[:, 1].sum() == 0
    assert counters.count_live_processes() == 1


def test_the_next_process_takes_over_the_lane_of_a_dead_one(counters, start):
    counters.claim_slot(STAMP)
    for times in range(1, 6):  # more than there are lanes
        victim = start()
        victim.add(7)
        assert counters.read_slots(ALL)[:, 0].sum() == 7 * times
        victim.kill()
    assert counters.count_process_starts() == 6
    assert len(counters.read_slots(ALL)) == 2


def test_looking_who_is_alive_takes_nobodys_lane_away(counters, start):
    counters.claim_slot(STAMP)
    first = start()
    assert [counters.count_live_processes() for _ in range(3)] == [2, 2, 2]
    second = start()
    first.add(1)
    second.add(2)
    assert sorted(counters.read_slots(ALL)[:, 0]) == [0, 1, 2]  # each has its own


def test_a_process_that_finds_no_lane_says_so(counters, start):
    for _ in range(3):
        start()
    with pytest.raises(SharedCountersError, match="more than 3 processes"):
        counters.claim_slot(STAMP)


def test_a_process_has_one_lane():
    counters = create_shared_counters(counters_per_slot=1, slot_count=2)
    counters.claim_slot(STAMP)
    with pytest.raises(SharedCountersError, match="already owns a slot"):
        counters.claim_slot(STAMP)


def test_a_free_lane_is_found_by_whoever_comes_after_somebody_looked(counters, start):
    counters.claim_slot(STAMP)
    victim = start()
    victim.kill()
    assert counters.count_live_processes() == 1  # looks at the free lane, and leaves it free
    start()
    assert len(counters.read_slots(ALL)) == 2


def test_the_system_may_say_in_two_ways_that_a_lane_is_taken(counters, monkeypatch):
    def refuse(*arguments):
        if arguments[-1] < 2:
            raise (BlockingIOError, PermissionError)[arguments[-1]]

    monkeypatch.setattr("app.observability.shared_counters.fcntl.lockf", refuse)
    counters.claim_slot(STAMP)
    assert counters.read_slots(ALL).shape == (1, 2)
    assert counters.count_live_processes() == 1


def test_a_board_goes_to_processes_that_are_being_started_and_nowhere_else(counters):
    with pytest.raises(RuntimeError, match="inheritance"):
        pickle.dumps(counters)


def test_processes_that_mean_something_else_by_their_cells_are_not_summed_up(counters, start):
    own = counters.claim_slot(STAMP)
    own[0] += 5
    other, alike = start(2.0), start()
    other.add(70)
    alike.add(7)
    assert sorted(counters.read_slots(ALL)[:, 0]) == [5, 7]
    assert (counters.count_live_processes(), counters.count_process_starts()) == (3, 3)


def test_a_lane_that_meant_something_else_is_wiped_by_who_takes_it_over(counters, start):
    other = start(2.0)
    other.add(70)
    other.kill()
    own = counters.claim_slot(STAMP)
    assert list(own) == [0, 0]
    assert counters.read_slots(ALL).tolist() == [[0, 0]]


def test_who_has_no_lane_sees_nothing(counters, start):
    start().add(7)
    assert counters.read_slots(ALL).shape == (0, 2)
    assert counters.count_live_processes() == 1


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
    counters = create_shared_counters(counters_per_slot=1)
    during = memory_files()
    assert len(during) > len(before)
    assert not any(file.exists() for file in during)
    del counters
    assert memory_files() == before


def test_without_memory_files_it_takes_a_temporary_file_that_is_removed_at_once(tmp_path):
    code = (
        "import os, tempfile; del os.memfd_create\n"
        "from app.observability.shared_counters import create_shared_counters\n"
        "counters = create_shared_counters(counters_per_slot=1); own = counters.claim_slot(1.0); own[0] = 5\n"
        "assert counters.read_slots(slice(0, 1)).tolist() == [[5]] and counters.count_live_processes() == 1\n"
        "assert not os.listdir(tempfile.gettempdir())"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
