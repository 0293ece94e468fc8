"""Histograms keep their series apart, and add up exactly."""

import numpy as np
import pytest

from app.observability.counter_registry import CounterRegistry
from app.observability.histogram import Histogram
from app.observability.shared_counters import create_shared_counters


def create_histogram(bounds, series_count=1):
    """Create a histogram whose registry is attached."""
    registry = CounterRegistry(create_shared_counters(counters_per_slot=100))
    histogram = Histogram(registry, "x", bounds, series_count)
    registry.attach()
    return histogram


def test_series_of_histogram_have_separate_counters():
    histogram = create_histogram((1.0, 2.0), series_count=3)
    histogram.observe(1.5, histogram=1)
    histogram.observe(5, histogram=2)
    assert [distribution.counts for distribution in histogram.totals()] == [(0, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert [distribution.sum for distribution in histogram.totals()] == [0, 1.5, 5]


def test_sum_over_a_million_values_is_as_exact_as_over_one_value():
    histogram = create_histogram((1.0,))
    histogram.observe_all(np.full(1_000_000, 0.1, np.float32))
    assert histogram.totals()[0].sum == pytest.approx(1e6 * float(np.float32(0.1)), rel=1e-9)
