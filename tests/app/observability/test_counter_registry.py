"""Everything that counts has cells of its own, and only what means the same is summed up."""

from multiprocessing import get_context

import pytest

from app.observability.counter_registry import CounterRegistry
from app.observability.shared_counters import SharedCountersError, create_shared_counters


def test_blocks_lie_side_by_side():
    registry = CounterRegistry(create_shared_counters(counters_per_slot=5))
    first, second = registry.allocate(2, "first"), registry.allocate(3, "second")
    registry.attach()
    first.own[1] = 1
    second.own[0] = 2
    assert list(first.sum()) == [0, 1]
    assert list(second.sum()) == [2, 0, 0]


def test_there_are_no_more_cells_than_a_lane_has():
    registry = CounterRegistry(create_shared_counters(counters_per_slot=5))
    registry.allocate(5)
    with pytest.raises(SharedCountersError, match="A slot has 5 counters; 6 are needed"):
        registry.allocate(1)


def lay_out(counters, *takes):
    """Count 1 in the first cell of each block, and give the blocks."""
    registry = CounterRegistry(counters)
    blocks = [registry.allocate(width, *meaning) for width, *meaning in takes]
    registry.attach()
    for block in blocks:
        block.own[0] += 1
    return blocks


def count_too(counters, takes):
    lay_out(counters, *takes)


def counted_together(theirs, ours):
    """Whether a process sees what one counted that is gone."""
    counters = create_shared_counters(counters_per_slot=4, slot_count=1)
    process = get_context("spawn").Process(target=count_too, args=(counters, theirs))
    process.start()
    process.join()
    assert counters.count_process_starts() == 1
    (first, *_) = lay_out(counters, *ours)
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


def leave(counters):
    registry = CounterRegistry(counters)
    count, gauge = registry.allocate(1, "count"), registry.allocate(2, "gauge", is_gauge=True)
    registry.attach()
    count.own[0], gauge.own[0], gauge.own[1] = 3, 4, 5


def test_gauges_begin_at_0_with_every_process_and_counts_go_on():
    counters = create_shared_counters(counters_per_slot=3)
    process = get_context("spawn").Process(target=leave, args=(counters,))
    process.start()
    process.join()
    registry = CounterRegistry(counters)
    count, gauge = registry.allocate(1, "count"), registry.allocate(2, "gauge", is_gauge=True)
    registry.attach()
    assert (list(count.sum()), list(gauge.sum())) == ([3], [0, 0])
