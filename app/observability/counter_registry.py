"""The counter registry: it records which counters of a slot belong to which instrument.

A slot is the set of counters that one process owns. Its schema hash identifies the meaning of its counters. Both are
explained in `shared_counters`.
"""

import hashlib

import numpy as np

from app.observability.shared_counters import CounterView, Floats64, SharedCounters, SharedCountersError

HASH_BYTES = 6  # a float64 holds an integer of six bytes exactly


class CounterBlock:
    """The same range of counters in every slot, allocated by one call.

    Args:
        shared_counters: The shared counters.
        indices: Indices of the block's counters within a slot.
    """

    own_counters: CounterView  # the counters of this process; available once the registry is attached

    def __init__(self, shared_counters: SharedCounters, indices: slice) -> None:
        self.indices = indices
        self._shared_counters = shared_counters

    def read_slots(self, *, live_only: bool = False) -> Floats64:
        """Copy the block of every slot that has the schema hash of this process.

        Args:
            live_only: True leaves out the slots of processes that have ended.
        Returns:
            Shape (S, C), for S slots and C counters.
        """
        return self._shared_counters.read_slots(self.indices, live_only=live_only)

    def sum(self) -> Floats64:
        """Add the block up over all slots that have the schema hash of this process.

        Returns:
            Totals, shape (C,).
        """
        return np.asarray(self.read_slots().sum(axis=0))


class CounterRegistry:
    """Allocates counters to instruments, and then attaches them to a slot of the shared counters.

    Args:
        shared_counters: The shared counters.
    """

    def __init__(self, shared_counters: SharedCounters) -> None:
        self._shared_counters = shared_counters
        self._blocks: list[tuple[str, CounterBlock]] = []
        self._gauges: list[CounterBlock] = []

    def allocate(self, count: int, *meaning: object, is_gauge: bool = False) -> CounterBlock:
        """Allocate the next counters of a slot.

        Args:
            count: Number of counters.
            meaning: Values that describe the counters. They are a part of the schema hash, so every process must
                pass the same values for the same counters.
            is_gauge: True if the counters start at 0 again in every process.
        Returns:
            The block, to be used once the registry is attached.
        Raises:
            SharedCountersError: The slot has not enough counters left.
        """
        start = self._blocks[-1][1].indices.stop if self._blocks else 0
        block = CounterBlock(self._shared_counters, slice(start, start + count))
        available = self._shared_counters.counters_per_slot
        if block.indices.stop > available:
            raise SharedCountersError(f"A slot has {available} counters; {block.indices.stop} are needed.")
        self._blocks.append((repr(meaning), block))
        self._gauges += [block] if is_gauge else []
        return block

    def attach(self) -> None:
        """Claim a slot and connect every block to its counters.

        Raises:
            SharedCountersError: No slot is free.
        """
        schema = repr([(meaning, block.indices) for meaning, block in self._blocks])
        digest = hashlib.sha256(schema.encode()).digest()
        slot = self._shared_counters.claim_slot(1 + int.from_bytes(digest[:HASH_BYTES]))
        for _, block in self._blocks:
            block.own_counters = slot[block.indices]
        for gauge in self._gauges:
            for index in range(len(gauge.own_counters)):
                gauge.own_counters[index] = 0
