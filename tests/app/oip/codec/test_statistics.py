"""Statistics count every inference once, and their parts add up."""

import time
from multiprocessing import get_context

import pytest

from app.observability.counter_registry import CounterRegistry
from app.observability.shared_counters import create_shared_counters
from app.oip.codec.statistics import Statistics, statistics_counters

MAX_ROWS = 1024


@pytest.fixture
def card(artefact):
    return artefact.card


def count(counters=None, **clocks):
    registry = CounterRegistry(counters or create_shared_counters(statistics_counters(MAX_ROWS)))
    statistics = Statistics(registry, MAX_ROWS, **clocks)
    registry.attach()
    return statistics


class BrokenError(Exception):
    """What an inference may raise."""


def fail(statistics, rows):
    with statistics.inference() as watch:
        watch.end_phase(rows)
        raise BrokenError


def infer(statistics, rows):
    with statistics.inference() as watch:
        watch.end_phase(rows)
        watch.end_phase()
        watch.end_phase()


def test_a_service_that_was_not_asked_has_done_nothing(card):
    report = count().report(card)
    nothing = {"count": 0, "ns": 0}
    assert set(report) == {
        *("name", "version", "last_inference", "inference_count", "execution_count"),
        *("inference_stats", "batch_stats"),
    }
    assert (report["name"], report["version"]) == (card.name, card.version)
    assert report["last_inference"] == report["inference_count"] == report["execution_count"] == 0
    assert report["inference_stats"] == dict.fromkeys(
        ["success", "fail", "queue", "compute_input", "compute_infer", "compute_output"], nothing
    )
    assert report["batch_stats"] == []


def test_requests_are_counted_by_their_rows_and_their_parts_add_up(card):
    statistics = count()
    for rows in (3, 1, 3, 1024):
        infer(statistics, rows)
    report = statistics.report(card)
    assert (report["inference_count"], report["execution_count"]) == (1031, 4)
    assert report["last_inference"] > 1_700_000_000_000
    whole = report["inference_stats"]
    assert whole["success"]["count"] == whole["queue"]["count"] == 4
    assert [batch["batch_size"] for batch in report["batch_stats"]] == [1, 3, 1024]
    assert [batch["compute_infer"]["count"] for batch in report["batch_stats"]] == [1, 2, 1]
    parts = ("compute_input", "compute_infer", "compute_output")
    for part in parts:
        assert whole[part]["count"] == 4
        assert whole[part]["ns"] == sum(batch[part]["ns"] for batch in report["batch_stats"]) > 0
    assert whole["success"]["ns"] == sum(whole[part]["ns"] for part in parts)


def test_each_moment_counts_for_one_part_and_failures_for_none(card):
    moments = iter([100, 101, 111, 211, 1000, 1002, 1022, 1222, 5000, 5003, 5040, 6000, 6001, 6500])
    statistics = count(clock=lambda: next(moments), wall_clock=lambda: 1_700_000_000_123_999_999)
    infer(statistics, 7)
    infer(statistics, 7)
    for _ in range(2):
        with pytest.raises(BrokenError):
            fail(statistics, 7)
    report = statistics.report(card)
    assert report["last_inference"] == 1_700_000_000_123
    parts = {
        "compute_input": {"count": 2, "ns": 1 + 2},
        "compute_infer": {"count": 2, "ns": 10 + 20},
        "compute_output": {"count": 2, "ns": 100 + 200},
    }
    assert report["batch_stats"] == [{"batch_size": 7, **parts}]
    assert report["inference_stats"] == {
        "success": {"count": 2, "ns": 111 + 222},
        "fail": {"count": 2, "ns": 40 + 500},
        "queue": {"count": 2, "ns": 0},
        **parts,
    }
    assert report["inference_count"] == 14


def test_its_own_clocks_are_those_of_the_process(card):
    statistics, before, start = count(), time.time_ns(), time.perf_counter_ns()
    infer(statistics, 1)
    with pytest.raises(BrokenError):
        fail(statistics, 1)
    elapsed, report = time.perf_counter_ns() - start, statistics.report(card)
    stats = report["inference_stats"]
    assert 0 < stats["success"]["ns"] + stats["fail"]["ns"] <= elapsed
    assert before // 1_000_000 <= report["last_inference"] <= time.time_ns() // 1_000_000


def infer_at(counters, nanoseconds):
    """Infer once, at some time; in a process of its own."""
    infer(count(counters, wall_clock=lambda: nanoseconds), 3)


def test_of_several_processes_the_last_inference_is_the_last_and_all_are_counted(card):
    counters = create_shared_counters(statistics_counters(MAX_ROWS), slot_count=2)
    statistics = count(counters, wall_clock=lambda: 5_000_000)
    for nanoseconds in (3_000_000, 9_000_000):
        process = get_context("spawn").Process(target=infer_at, args=(counters, nanoseconds))
        process.start()
        process.join()
        infer(statistics, 2)
        assert statistics.report(card)["last_inference"] == max(5, nanoseconds // 1_000_000)
    assert statistics.report(card)["inference_count"] == 2 * (3 + 2)
