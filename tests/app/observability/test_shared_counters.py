"""Processes count in slots of their own, and a process's counts outlive it."""

import fcntl
import gc
import os
import pickle
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from app.observability.shared_counters import GAUGE, SharedCountersError, create_shared_counters
from tests.machine import skip_without_proc
from tests.processes import CONTEXT, SPAWN

SCHEMA_HASH, OTHER_SCHEMA_HASH = 1.0, 2.0
ALL_COUNTERS = slice(0, 2)


def claim_slot(shared_counters, schema_hash=SCHEMA_HASH):
    """Claim a slot for this process, store its schema hash, and return its counters."""
    own = shared_counters.claim_slot()
    shared_counters.set_schema_hash(schema_hash)
    return own


def count_received_amounts(shared_counters, pipe):
    """Store the schema hash that the pipe delivers, and add every amount that follows; the target of a process."""
    own = shared_counters.claim_slot()
    pipe.send("claimed")
    shared_counters.set_schema_hash(pipe.recv())
    pipe.send("stored")
    while True:
        amount = pipe.recv()
        own[0] += amount
        own[1] = own[-1] = amount
        pipe.send("counted")


class CountingProcess:
    """A process that owns a slot: its first counter is a sum; its second and its gauge are the last amount.

    Args:
        shared_counters: The shared counters.
        context: Context of `multiprocessing` that starts the process.
    """

    def __init__(self, shared_counters, context):
        self.pipe, pipe_of_process = context.Pipe()
        arguments = (shared_counters, pipe_of_process)
        self.process = context.Process(target=count_received_amounts, args=arguments, daemon=True)
        self.process.start()
        assert self.pipe.recv() == "claimed"

    def set_schema_hash(self, schema_hash):
        self.pipe.send(schema_hash)
        assert self.pipe.recv() == "stored"

    def add(self, amount):
        self.pipe.send(amount)
        assert self.pipe.recv() == "counted"

    def kill(self):
        self.process.kill()
        self.process.join()


@pytest.fixture
def shared_counters():
    return create_shared_counters(counters_per_slot=2, slot_count=3)


@pytest.fixture
def start_process(shared_counters):
    """Start counting processes, and kill them after the test; the schema hash None is not stored."""
    processes = []

    def start(schema_hash=SCHEMA_HASH, context=CONTEXT):
        processes.append(CountingProcess(shared_counters, context))
        if schema_hash is not None:
            processes[-1].set_schema_hash(schema_hash)
        return processes[-1]

    yield start
    for counting_process in processes:
        if counting_process.process.is_alive():
            counting_process.kill()


def test_counts_of_all_processes_are_added_up(shared_counters, start_process):
    own = claim_slot(shared_counters)
    first, second = start_process(), start_process(context=SPAWN)  # as the service starts its workers
    for amount in (1, 2, 3):
        first.add(amount)
        second.add(10 * amount)
    own[0] += 100
    assert shared_counters.read_slots(ALL_COUNTERS)[:, 0].sum() == 166
    assert (shared_counters.count_live_processes(), shared_counters.count_process_starts()) == (3, 3)


def test_killed_process_keeps_its_counts_and_loses_its_live_values(shared_counters, start_process):
    claim_slot(shared_counters)
    victim = start_process()
    victim.add(7)
    assert shared_counters.read_slots(ALL_COUNTERS, live_only=True)[:, 1].sum() == 7
    victim.kill()
    assert shared_counters.read_slots(ALL_COUNTERS)[:, 0].sum() == 7
    assert shared_counters.read_slots(ALL_COUNTERS, live_only=True)[:, 1].sum() == 0
    assert shared_counters.count_live_processes() == 1


def test_new_process_reuses_slot_of_dead_process(shared_counters, start_process):
    claim_slot(shared_counters)
    for process_count in range(1, 6):  # more processes than slots
        victim = start_process()
        victim.add(7)
        assert shared_counters.read_slots(ALL_COUNTERS)[:, 0].sum() == 7 * process_count
        victim.kill()
    assert shared_counters.count_process_starts() == 6
    assert len(shared_counters.read_slots(ALL_COUNTERS)) == 2


def test_counting_live_processes_takes_no_slot(shared_counters, start_process):
    claim_slot(shared_counters)
    first = start_process()
    assert [shared_counters.count_live_processes() for _ in range(3)] == [2, 2, 2]
    second = start_process()
    first.add(1)
    second.add(2)
    assert sorted(shared_counters.read_slots(ALL_COUNTERS)[:, 0]) == [0, 1, 2]  # one slot for each process


def test_claiming_slot_fails_when_all_slots_have_owners(shared_counters, start_process):
    for _ in range(3):
        start_process()
    with pytest.raises(SharedCountersError, match="more than 3 processes"):
        shared_counters.claim_slot()


def test_process_that_claims_a_slot_again_gets_its_own_slot_with_all_counts():
    shared_counters = create_shared_counters(counters_per_slot=1, slot_count=2)
    first = shared_counters.claim_slot()
    first[0], first[-1] = 3, 1  # the last one is the gauge
    second = shared_counters.claim_slot()
    assert list(second) == [3, 1]
    second[0] += 1
    assert first[0] == 4
    assert (shared_counters.count_live_processes(), shared_counters.count_process_starts()) == (1, 1)


def test_loads_of_the_weights_are_no_part_of_a_slot(shared_counters, start_process):
    shared_counters.model_loads[:] = 3, 2
    own = claim_slot(shared_counters)
    own[0] = 7
    start_process()
    assert shared_counters.model_loads.tolist() == [3, 2]


def test_process_without_slot_cannot_store_a_schema_hash(shared_counters):
    with pytest.raises(SharedCountersError, match="owns no slot"):
        shared_counters.set_schema_hash(SCHEMA_HASH)


def test_new_process_finds_free_slot_after_live_processes_were_counted(shared_counters, start_process):
    claim_slot(shared_counters)
    victim = start_process()
    victim.kill()
    assert shared_counters.count_live_processes() == 1  # locks the free slot for a moment
    start_process()
    assert len(shared_counters.read_slots(ALL_COUNTERS)) == 2


def test_slot_is_taken_when_its_lock_fails_with_either_error_of_the_system(shared_counters, monkeypatch):
    def fail_for_first_two_slots(*arguments):
        slot = arguments[-1]
        if slot < 2:
            raise (BlockingIOError, PermissionError)[slot]

    monkeypatch.setattr(fcntl, "lockf", fail_for_first_two_slots)
    claim_slot(shared_counters)
    assert shared_counters.read_slots(ALL_COUNTERS).shape == (1, 2)
    assert shared_counters.count_live_processes() == 1


def test_shared_counters_are_pickled_only_for_a_process_that_is_being_started(shared_counters):
    with pytest.raises(RuntimeError, match="inheritance"):
        pickle.dumps(shared_counters)


def test_counters_with_different_schema_hashes_are_not_added_up(shared_counters, start_process):
    own = claim_slot(shared_counters)
    own[0] += 5
    process_with_other_hash, process_with_same_hash = start_process(OTHER_SCHEMA_HASH), start_process()
    process_with_other_hash.add(70)
    process_with_same_hash.add(7)
    assert sorted(shared_counters.read_slots(ALL_COUNTERS)[:, 0]) == [5, 7]
    assert (shared_counters.count_live_processes(), shared_counters.count_process_starts()) == (3, 3)


def test_slot_of_former_owner_is_set_to_zero_only_when_another_schema_hash_is_stored(shared_counters, start_process):
    former_owner = start_process(OTHER_SCHEMA_HASH)
    former_owner.add(70)
    former_owner.kill()
    own = shared_counters.claim_slot()
    assert list(own) == [70, 70, 0]
    shared_counters.set_schema_hash(SCHEMA_HASH)
    assert list(own) == [0, 0, 0]
    assert shared_counters.read_slots(ALL_COUNTERS).tolist() == [[0, 0]]


def test_counts_of_former_owner_are_added_up_until_another_schema_hash_is_stored(shared_counters, start_process):
    claim_slot(shared_counters)
    former_owner = start_process()
    former_owner.add(7)
    former_owner.kill()
    new_owner = start_process(schema_hash=None)
    assert shared_counters.read_slots(ALL_COUNTERS)[:, 0].sum() == 7
    new_owner.set_schema_hash(OTHER_SCHEMA_HASH)
    assert shared_counters.read_slots(ALL_COUNTERS).tolist() == [[0, 0]]  # the slot of this process


def test_gauge_of_former_owner_is_zero_as_soon_as_its_slot_has_a_new_owner(shared_counters, start_process):
    claim_slot(shared_counters)
    former_owner = start_process()
    former_owner.add(7)
    assert shared_counters.read_slots(GAUGE, live_only=True).sum() == 7
    former_owner.kill()
    assert shared_counters.read_slots(GAUGE, live_only=True).sum() == 0
    start_process(schema_hash=None)
    assert shared_counters.read_slots(GAUGE, live_only=True).sum() == 0


def test_process_reads_no_counters_before_it_stores_a_schema_hash(shared_counters, start_process):
    start_process(schema_hash=None)
    shared_counters.claim_slot()
    assert shared_counters.read_slots(ALL_COUNTERS).shape == (0, 2)


def test_process_is_live_but_not_added_up_before_it_stores_a_schema_hash(shared_counters, start_process):
    claim_slot(shared_counters)
    start_process(schema_hash=None)
    assert len(shared_counters.read_slots(ALL_COUNTERS)) == 1
    assert (shared_counters.count_live_processes(), shared_counters.count_process_starts()) == (2, 2)


def test_process_without_slot_reads_no_counters(shared_counters, start_process):
    start_process().add(7)
    assert shared_counters.read_slots(ALL_COUNTERS).shape == (0, 2)
    assert shared_counters.count_live_processes() == 1


def open_memory_files():
    """List the targets of this process's open descriptors of shared counters."""
    gc.collect()
    targets = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the descriptor of the listing itself is closed by now
            targets.append(descriptor.readlink())
    return [target for target in targets if target.name.startswith("memfd:digits")]


@skip_without_proc()  # lists open files
def test_shared_counters_have_no_file_in_any_folder_and_close_their_descriptors():
    before = open_memory_files()
    shared_counters = create_shared_counters(counters_per_slot=1)
    during = open_memory_files()
    assert len(during) > len(before)
    assert not any(file.exists() for file in during)
    del shared_counters
    assert open_memory_files() == before


def test_shared_counters_use_a_deleted_temporary_file_where_memory_files_are_missing(tmp_path):
    code = (
        "import os, tempfile; del os.memfd_create\n"
        "from app.observability.shared_counters import create_shared_counters\n"
        "counters = create_shared_counters(counters_per_slot=1)\n"
        "own = counters.claim_slot(); counters.set_schema_hash(1.0); own[0] = 5\n"
        "assert counters.read_slots(slice(0, 1)).tolist() == [[5]] and counters.count_live_processes() == 1\n"
        "assert not os.listdir(tempfile.gettempdir())"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
