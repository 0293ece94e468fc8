"""The counter registry: it assigns the counters of a slot to the instruments.

A slot is the set of counters that one process owns. Its schema hash identifies the meaning of its counters. Both are
explained in `shared_counters`.
"""

import hashlib

import numpy as np

from app.observability.shared_counters import GAUGE, CounterView, Floats64, SharedCounters, SharedCountersError

HASH_BYTES = 6  # a float64 holds an integer of six bytes exactly


class CounterBlock:
    """The same range of counters in every slot, allocated by one call.

    Args:
        shared_counters: The shared counters.
        indices: Indices of the block's counters within a slot.
        own_counters: The counters of this process.
    """

    def __init__(self, shared_counters: SharedCounters, indices: slice, own_counters: CounterView) -> None:
        self.own_counters = own_counters
        self._shared_counters, self._indices = shared_counters, indices

    def read_slots(self, *, live_only: bool = False) -> Floats64:
        """Copy the block of every slot that has the schema hash of this process.

        Args:
            live_only: True leaves out the slots of processes that have ended.
        Returns:
            Shape (S, C), for S slots and C counters.
        """
        return self._shared_counters.read_slots(self._indices, live_only=live_only)

    def sum(self) -> Floats64:
        """Add the block up over all slots that have the schema hash of this process.

        Returns:
            Totals, shape (C,).
        """
        return np.asarray(self.read_slots().sum(axis=0))


class CounterRegistry:
    """Claims a slot of the shared counters and allocates its counters to instruments.

    Args:
        shared_counters: The shared counters.
    Raises:
        SharedCountersError: No slot is free.
    """

    def __init__(self, shared_counters: SharedCounters) -> None:
        self._shared_counters = shared_counters
        self._slot = shared_counters.claim_slot()
        self._allocated = 0
        self._schema: list[tuple[int, str]] = []
        self.gauge = CounterBlock(shared_counters, GAUGE, self._slot[GAUGE])

    def allocate(self, count: int, *meaning: object) -> CounterBlock:
        """Allocate the next counters of the slot.

        Args:
            count: Number of counters.
            meaning: Values that describe the counters. They are a part of the schema hash, so every process must
                pass the same values for the same counters.
        Returns:
            The block, to be used once the registry is attached.
        Raises:
            SharedCountersError: The slot has not enough counters left.
        """
        indices = slice(self._allocated, self._allocated + count)
        available = self._shared_counters.counters_per_slot
        if indices.stop > available:
            raise SharedCountersError(f"A slot has {available} counters; {indices.stop} are needed.")
        self._allocated = indices.stop
        self._schema.append((count, repr(meaning)))
        return CounterBlock(self._shared_counters, indices, self._slot[indices])

    def attach(self) -> None:
        """Let the slot be added up with other slots whose counters have the same meaning."""
        digest = hashlib.sha256(repr(self._schema).encode()).digest()
        self._shared_counters.set_schema_hash(1 + int.from_bytes(digest[:HASH_BYTES]))
