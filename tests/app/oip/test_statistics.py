"""Statistics count every inference once, and their parts add up."""

import time

import pytest

from app.oip.statistics import Statistics


@pytest.fixture
def card(artefact):
    return artefact.card


class BrokenError(Exception):
    """What an inference may raise."""


def fail(statistics, rows):
    with statistics.inference() as watch:
        watch.lap(rows)
        raise BrokenError


def infer(statistics, rows):
    with statistics.inference() as watch:
        watch.lap(rows)
        watch.lap()
        watch.lap()


def test_a_service_that_was_not_asked_has_done_nothing(card):
    report = Statistics().report(card)
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
    statistics = Statistics()
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


def test_each_moment_counts_for_one_part(card):
    def work():
        end = time.perf_counter_ns() + 1_000_000
        while time.perf_counter_ns() < end:
            pass

    statistics, start = Statistics(), time.perf_counter_ns()
    with statistics.inference() as watch:
        for _ in range(3):
            work()
            watch.lap(rows=1)
    elapsed = time.perf_counter_ns() - start
    parts = statistics.report(card)["batch_stats"][0]
    durations = [parts[part]["ns"] for part in ("compute_input", "compute_infer", "compute_output")]
    assert min(durations) >= 1_000_000
    assert sum(durations) <= elapsed


def test_what_raises_is_a_failure_and_nothing_else(card):
    statistics = Statistics()
    with pytest.raises(BrokenError):
        fail(statistics, 5)
    report = statistics.report(card)
    assert report["inference_stats"]["fail"]["count"] == 1
    assert report["inference_stats"]["fail"]["ns"] > 0
    assert report["inference_count"] == report["inference_stats"]["success"]["count"] == 0
