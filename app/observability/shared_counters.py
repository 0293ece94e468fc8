"""Counters in memory that all worker processes of a service share.

Each process owns one slot and writes to no other slot, so counting needs no lock and no system call. A
process owns a slot while it holds the record lock on one byte of the file behind the memory. The kernel
releases that lock when the process ends, however it ends. The next process takes over the slot with its
counts and continues them. The file has no name, so nothing remains of it after the last process.

Each slot stores a schema hash, which identifies the meaning of its counters, because a process that starts
later may run other code. Only slots with the same schema hash are added up. A process that takes over a slot
with another schema hash sets its counters to zero when it stores its own.

Behind the counters of each slot is a gauge, which starts at zero in every process.

The loads of the file of weights are not in a slot, because the supervisor loads the file and owns none.

To find live processes, a process tries to take a shared lock on each slot and releases it at once. A process that
looks for a free slot at that moment finds this slot locked and tries the next one.
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
# A memoryview is the fastest way to add to one number; an array takes twice as long.
CounterView: TypeAlias = "memoryview[float]"

GAUGE = slice(-1, None)  # the place of the gauge within a slot
COUNTER_BYTES = 8  # a float64, which counts exactly up to 2^53
MODEL_LOAD_RESULTS = ("success", "failure")
SUCCESS, FAILURE = range(len(MODEL_LOAD_RESULTS))  # indices of the numbers of loads


class SharedCountersError(RuntimeError):
    """A process cannot count together with the other processes."""


class SharedCounters:
    """Slots of float64 counters in memory that processes share.

    An object of this class can be passed to a process only while that process is being started.

    Args:
        file: Descriptor of an open file of the right size; this object closes it.
        slot_count: Largest number of processes at the same time.
        counters_per_slot: Number of counters in a slot.
        start_times: Time when counting began: seconds since 1970, and seconds of the monotonic clock.

    Attributes:
        model_loads: Number of loads of the file of weights with each of `MODEL_LOAD_RESULTS`. Only the process that
            loads the file writes to it.
    """

    def __init__(self, file: int, slot_count: int, counters_per_slot: int, start_times: tuple[float, float]) -> None:
        self.start_times = start_times
        self.counters_per_slot = counters_per_slot
        self._file, self._slot_count = file, slot_count
        # A process loses its lock as soon as it closes any descriptor of the file. This one is closed with the object.
        weakref.finalize(self, os.close, file)
        memory = np.frombuffer(mmap.mmap(file, _file_bytes(slot_count, counters_per_slot)), np.float64)
        self.model_loads, slots = np.split(memory, [len(MODEL_LOAD_RESULTS)])
        self._process_starts, self._schema_hashes = slots[:slot_count], slots[slot_count : 2 * slot_count]
        self._counters = slots[2 * slot_count :].reshape(slot_count, counters_per_slot + 1)
        self._own_slot: int | None = None
        self._schema_hash = -1.0  # no slot has this one

    @override
    def __reduce__(self) -> tuple[Callable[..., "SharedCounters"], tuple[Any, ...]]:
        assert_spawning(self)
        return _receive, (DupFd(self._file), self._slot_count, self.counters_per_slot, self.start_times)

    def claim_slot(self) -> CounterView:
        """Take a free slot for the rest of this process's life.

        Returns:
            The counters and the gauge of the slot, to be used after `set_schema_hash`. A process that already owns a
            slot gets the same one again.
        Raises:
            SharedCountersError: No slot is free.
        """
        if self._own_slot is not None:
            return memoryview(self._counters[self._own_slot])
        for slot in range(self._slot_count):
            if self._try_lock(slot, fcntl.LOCK_EX):
                self._own_slot = slot
                self._process_starts[slot] += 1
                self._counters[slot, GAUGE] = 0
                return memoryview(self._counters[slot])
        raise SharedCountersError(f"There are more than {self._slot_count} processes.")

    def set_schema_hash(self, schema_hash: float) -> None:
        """Store the schema hash of the own slot, whose counters continue those of former owners with the same hash.

        Args:
            schema_hash: Hash of the meaning of the counters, more than 0.
        Raises:
            SharedCountersError: This process owns no slot.
        """
        slot = self._own_slot
        if slot is None:
            raise SharedCountersError("This process owns no slot.")
        if self._schema_hashes[slot] not in {0, schema_hash}:
            self._counters[slot] = 0
        self._schema_hashes[slot] = self._schema_hash = schema_hash

    def read_slots(self, counters: slice, *, live_only: bool = False) -> Floats64:
        """Copy some counters of every slot that has the schema hash of this process.

        Args:
            counters: Indices of the counters within a slot.
            live_only: True leaves out the slots of processes that have ended.
        Returns:
            Shape (S, C), for S slots and C counters.
        """
        slots = np.flatnonzero(self._schema_hashes == self._schema_hash).tolist()
        return self._counters[[slot for slot in slots if not live_only or self._has_owner(slot)], counters]

    def count_live_processes(self) -> int:
        """Count the processes that own a slot now.

        Returns:
            The number of processes.
        """
        return sum(self._has_owner(slot) for slot in np.flatnonzero(self._process_starts).tolist())

    def count_process_starts(self) -> int:
        """Count the processes that have ever owned a slot.

        Returns:
            The number of processes.
        """
        return int(self._process_starts.sum())

    def _has_owner(self, slot: int) -> bool:
        if slot == self._own_slot:
            return True
        if is_free := self._try_lock(slot, fcntl.LOCK_SH):
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, slot)
        return not is_free

    def _try_lock(self, slot: int, kind: int) -> bool:
        try:
            fcntl.lockf(self._file, kind | fcntl.LOCK_NB, 1, slot)
        except (BlockingIOError, PermissionError):  # the operating system chooses between the two
            return False
        return True


def create_shared_counters(counters_per_slot: int, slot_count: int = 1) -> SharedCounters:
    """Create shared counters that are all zero.

    Args:
        counters_per_slot: Number of counters in a slot.
        slot_count: Largest number of processes at the same time.
    Returns:
        The shared counters; slots that no process has used take no memory.
    """
    file = _create_unnamed_file()
    os.ftruncate(file, _file_bytes(slot_count, counters_per_slot))
    return SharedCounters(file, slot_count, counters_per_slot, (time.time(), time.monotonic()))


def _file_bytes(slot_count: int, counters_per_slot: int) -> int:
    """Compute the file's size: each slot has a number of process starts, a schema hash, its counters and a gauge."""
    return (len(MODEL_LOAD_RESULTS) + slot_count * (3 + counters_per_slot)) * COUNTER_BYTES


def _create_unnamed_file() -> int:
    """Open a file without a name, in memory where the operating system supports that."""
    if hasattr(os, "memfd_create"):  # only Linux has it
        return os.memfd_create("digits")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class _SentDescriptor(Protocol):
    """A file descriptor on its way to another process."""

    def detach(self) -> int: ...


def _receive(
    file: _SentDescriptor, slot_count: int, counters_per_slot: int, start_times: tuple[float, float]
) -> SharedCounters:
    """Open the shared counters in a process that was started with them."""
    return SharedCounters(file.detach(), slot_count, counters_per_slot, start_times)
