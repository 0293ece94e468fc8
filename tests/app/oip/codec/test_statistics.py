"""Statistics count every inference once, and the durations of its phases add up."""

import time

import pytest

from app.observability.counter_registry import CounterRegistry
from app.observability.shared_counters import create_shared_counters
from app.oip.codec.statistics import OipStatistics, number_of_statistics_counters
from tests.processes import run_in_process

MAX_BATCH_SIZE = 1024


@pytest.fixture
def card(artefact):
    return artefact.card


def create_statistics(shared_counters=None, **clocks):
    """Create statistics whose counter registry is attached."""
    registry = CounterRegistry(shared_counters or create_shared_counters(number_of_statistics_counters(MAX_BATCH_SIZE)))
    statistics = OipStatistics(registry, MAX_BATCH_SIZE, **clocks)
    registry.attach()
    return statistics


class InferenceError(Exception):
    """The error of an inference that fails."""


def count_failed_inference(statistics, batch_size):
    with statistics.inference() as stopwatch:
        stopwatch.end_phase(batch_size)
        raise InferenceError


def count_inference(statistics, batch_size):
    with statistics.inference() as stopwatch:
        stopwatch.end_phase(batch_size)
        stopwatch.end_phase()
        stopwatch.end_phase()


def test_new_statistics_are_zero(card):
    report = create_statistics().report(card)
    zero = {"count": 0, "ns": 0}
    assert set(report) == {
        *("name", "version", "last_inference", "inference_count", "execution_count"),
        *("inference_stats", "batch_stats", "response_stats", "memory_usage"),
    }
    assert (report["name"], report["version"]) == (card.name, card.version)
    assert report["last_inference"] == report["inference_count"] == report["execution_count"] == 0
    assert report["inference_stats"] == dict.fromkeys(
        [
            *("success", "fail", "queue", "compute_input", "compute_infer", "compute_output"),
            *("cache_hit", "cache_miss"),
        ],
        zero,
    )
    assert report["batch_stats"] == report["memory_usage"] == []
    assert report["response_stats"] == {}


def test_requests_are_counted_by_batch_size_and_their_phases_add_up(card):
    statistics = create_statistics()
    for batch_size in (3, 1, 3, 1024):
        count_inference(statistics, batch_size)
    report = statistics.report(card)
    assert (report["inference_count"], report["execution_count"]) == (1031, 4)
    assert report["last_inference"] > 1_700_000_000_000
    total = report["inference_stats"]
    assert total["success"]["count"] == total["queue"]["count"] == 4
    assert [batch["batch_size"] for batch in report["batch_stats"]] == [1, 3, 1024]
    assert [batch["compute_infer"]["count"] for batch in report["batch_stats"]] == [1, 2, 1]
    phases = ("compute_input", "compute_infer", "compute_output")
    for phase in phases:
        assert total[phase]["count"] == 4
        assert total[phase]["ns"] == sum(batch[phase]["ns"] for batch in report["batch_stats"]) > 0
    assert total["success"]["ns"] == sum(total[phase]["ns"] for phase in phases)


def test_each_nanosecond_counts_in_one_phase_and_failures_in_none(card):
    times = iter([100, 101, 111, 211, 1000, 1002, 1022, 1222, 5000, 5003, 5040, 6000, 6001, 6500])
    statistics = create_statistics(clock=lambda: next(times), wall_clock=lambda: 1_700_000_000_123_999_999)
    count_inference(statistics, 7)
    count_inference(statistics, 7)
    for _ in range(2):
        with pytest.raises(InferenceError):
            count_failed_inference(statistics, 7)
    report = statistics.report(card)
    assert report["last_inference"] == 1_700_000_000_123
    phases = {
        "compute_input": {"count": 2, "ns": 1 + 2},
        "compute_infer": {"count": 2, "ns": 10 + 20},
        "compute_output": {"count": 2, "ns": 100 + 200},
    }
    assert report["batch_stats"] == [{"batch_size": 7, **phases}]
    assert report["inference_stats"] == {
        "success": {"count": 2, "ns": 111 + 222},
        "fail": {"count": 2, "ns": 40 + 500},
        "queue": {"count": 2, "ns": 0},
        "cache_hit": {"count": 0, "ns": 0},
        "cache_miss": {"count": 0, "ns": 0},
        **phases,
    }
    assert report["inference_count"] == 14


def test_default_clocks_measure_real_time(card):
    statistics, before, start = create_statistics(), time.time_ns(), time.perf_counter_ns()
    count_inference(statistics, 1)
    with pytest.raises(InferenceError):
        count_failed_inference(statistics, 1)
    elapsed, report = time.perf_counter_ns() - start, statistics.report(card)
    durations = report["inference_stats"]
    assert 0 < durations["success"]["ns"] + durations["fail"]["ns"] <= elapsed
    assert before // 1_000_000 <= report["last_inference"] <= time.time_ns() // 1_000_000


def count_inference_at(shared_counters, nanoseconds):
    """Count an inference of three images at a time of the wall clock; the target of a process."""
    count_inference(create_statistics(shared_counters, wall_clock=lambda: nanoseconds), 3)


def test_statistics_of_all_processes_are_added_up_and_have_the_latest_inference(card):
    shared_counters = create_shared_counters(number_of_statistics_counters(MAX_BATCH_SIZE), slot_count=2)
    statistics = create_statistics(shared_counters, wall_clock=lambda: 5_000_000)
    for nanoseconds in (3_000_000, 9_000_000):
        run_in_process(count_inference_at, shared_counters, nanoseconds)
        count_inference(statistics, 2)
        assert statistics.report(card)["last_inference"] == max(5, nanoseconds // 1_000_000)
    assert statistics.report(card)["inference_count"] == 2 * (3 + 2)
