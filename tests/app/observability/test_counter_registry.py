"""The registry gives every instrument its own counters, and adds up only counters with the same meaning."""

import pytest

from app.observability.counter_registry import CounterRegistry
from app.observability.shared_counters import SharedCountersError, create_shared_counters
from tests.processes import run_in_process


def test_blocks_have_separate_counters():
    registry = CounterRegistry(create_shared_counters(counters_per_slot=5))
    first, second = registry.allocate(2, "first"), registry.allocate(3, "second")
    registry.attach()
    first.own_counters[1] = 1
    second.own_counters[0] = 2
    assert list(first.sum()) == [0, 1]
    assert list(second.sum()) == [2, 0, 0]


def test_registry_claims_a_slot_before_it_allocates_counters():
    shared_counters = create_shared_counters(counters_per_slot=1, slot_count=2)
    CounterRegistry(shared_counters)
    assert (shared_counters.count_live_processes(), shared_counters.count_process_starts()) == (1, 1)


def test_counters_that_an_instrument_keeps_from_the_allocation_count_after_the_registry_is_attached():
    registry = CounterRegistry(create_shared_counters(counters_per_slot=2))
    block = registry.allocate(2, "a")
    kept_counters = block.own_counters
    registry.attach()
    kept_counters[1] += 3
    assert list(block.sum()) == [0, 3]


def test_registry_rejects_more_counters_than_a_slot_has():
    registry = CounterRegistry(create_shared_counters(counters_per_slot=5))
    registry.allocate(5)
    with pytest.raises(SharedCountersError, match="A slot has 5 counters; 6 are needed"):
        registry.allocate(1)


def count_once_in_each_block(shared_counters, allocations):
    """Attach a registry, add 1 to the first counter of each block, and return the blocks.

    Args:
        shared_counters: The shared counters.
        allocations: For each block, its number of counters followed by their meaning.
    """
    registry = CounterRegistry(shared_counters)
    blocks = [registry.allocate(count, *meaning) for count, *meaning in allocations]
    registry.attach()
    for block in blocks:
        block.own_counters[0] += 1
    return blocks


def are_counted_together(former_allocations, allocations):
    """Tell whether this process continues the counts of a former process with other allocations."""
    shared_counters = create_shared_counters(counters_per_slot=4, slot_count=1)
    run_in_process(count_once_in_each_block, shared_counters, former_allocations)
    assert shared_counters.count_process_starts() == 1
    first_block, *_ = count_once_in_each_block(shared_counters, allocations)
    return first_block.sum()[0] == 2


ALLOCATIONS = [(1, "a", ("x", 1.0)), (2, "b")]


def test_counters_with_equal_meanings_are_counted_together():
    assert are_counted_together(ALLOCATIONS, ALLOCATIONS)


@pytest.mark.parametrize(
    "allocations",
    [
        pytest.param([(1, "a", ("x", 2.0)), (2, "b")], id="other number in a meaning"),
        pytest.param([(1, "a", ("x", 1.0)), (2, "c")], id="other text in a meaning"),
        pytest.param([(1, "a", ("x", 1.0)), (3, "b")], id="larger block"),
        pytest.param([(1, "a", ("x", 1.0)), (1, "b"), (1, "b")], id="one block in two parts"),
        pytest.param([(2, "b"), (1, "a", ("x", 1.0))], id="other order"),
        pytest.param([(1, "a", ("x", 1.0)), (2, "b"), (1, "c")], id="additional block"),
    ],
)
def test_counters_with_different_meanings_are_not_counted_together(allocations):
    assert not are_counted_together(ALLOCATIONS, allocations)


def test_registry_sets_counters_with_another_meaning_to_zero_only_when_it_is_attached():
    shared_counters = create_shared_counters(counters_per_slot=4)
    run_in_process(count_once_in_each_block, shared_counters, ALLOCATIONS)
    registry = CounterRegistry(shared_counters)
    block = registry.allocate(4, "c")
    assert list(block.own_counters) == [1, 1, 0, 0]
    registry.attach()
    assert list(block.own_counters) == list(block.sum()) == [0, 0, 0, 0]


def attach_counter_and_gauge(shared_counters):
    """Attach a block of one counter and the gauge, and return both."""
    registry = CounterRegistry(shared_counters)
    counter = registry.allocate(1, "count")
    registry.attach()
    return counter, registry.gauge


def set_counter_and_gauge(shared_counters):
    counter, gauge = attach_counter_and_gauge(shared_counters)
    counter.own_counters[0], gauge.own_counters[0] = 3, 4


def test_new_process_resets_the_gauge_and_continues_counters():
    shared_counters = create_shared_counters(counters_per_slot=1)
    run_in_process(set_counter_and_gauge, shared_counters)
    counter, gauge = attach_counter_and_gauge(shared_counters)
    assert (list(counter.sum()), list(gauge.sum())) == ([3], [0])
