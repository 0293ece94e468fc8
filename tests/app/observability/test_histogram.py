"""The histograms of a group have counters of their own, and their sums are exact."""

import numpy as np
import pytest

from app.observability.counter_registry import CounterRegistry
from app.observability.histogram import HistogramGroup
from app.observability.shared_counters import create_shared_counters


def create_histograms(bounds, series_count=1):
    """Create a group of histograms whose registry is attached."""
    registry = CounterRegistry(create_shared_counters(counters_per_slot=100))
    histograms = HistogramGroup(registry, "x", bounds, series_count)
    registry.attach()
    return histograms


def test_histograms_of_a_group_have_separate_counters():
    histograms = create_histograms((1.0, 2.0), series_count=3)
    histograms.observe(1.5, series=1)
    histograms.observe(5, series=2)
    assert [distribution.counts for distribution in histograms.totals()] == [(0, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert [distribution.sum for distribution in histograms.totals()] == [0, 1.5, 5]


def test_sum_over_a_million_values_is_as_exact_as_over_one_value():
    histograms = create_histograms((1.0,))
    histograms.observe_all(np.full(1_000_000, 0.1, np.float32))
    assert histograms.totals()[0].sum == pytest.approx(1e6 * float(np.float32(0.1)), rel=1e-9)
