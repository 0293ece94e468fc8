"""Histograms whose buckets are shared counters."""

from bisect import bisect_left
from typing import NamedTuple

import numpy as np

from app.observability.counter_registry import CounterRegistry
from model import Floats32


class Distribution(NamedTuple):
    """The values that a histogram has counted."""

    bounds: tuple[float, ...]  # inclusive upper bound of each bucket but the last, which has none
    counts: tuple[int, ...]  # number of values in each bucket; one more than there are bounds
    sum: float  # sum of the values

    @property
    def total(self) -> int:
        """Number of values in all buckets."""
        return sum(self.counts)

    @property
    def cumulative(self) -> list[int]:
        """Number of values in each bucket and all buckets below it."""
        total = 0
        return [total := total + count for count in self.counts]


class HistogramGroup:
    """Histograms with the same bounds, for example one for each route.

    Args:
        registry: The registry that allocates the counters.
        name: Name of the values, a part of the schema hash.
        bounds: Upper bound of each bucket but the last, in ascending order.
        series_count: Number of histograms.
    """

    def __init__(self, registry: CounterRegistry, name: str, bounds: tuple[float, ...], series_count: int = 1) -> None:
        self._bounds = bounds
        self._size = len(bounds) + 2  # counters of a histogram: one for each bound, the last bucket, and the sum
        self._block = registry.allocate(series_count * self._size, name, bounds)

    def observe(self, value: float, series: int = 0) -> None:
        """Count one value.

        Args:
            value: The value, in the unit of the bounds.
            series: Index of the histogram, from 0.
        """
        counters, start = self._block.own_counters, series * self._size
        counters[start + bisect_left(self._bounds, value)] += 1
        counters[start + self._size - 1] += value

    def observe_all(self, values: Floats32) -> None:
        """Count many values in the first histogram, faster than one by one.

        Args:
            values: Shape (B,), in the unit of the bounds.
        """
        counters, buckets = self._block.own_counters, np.searchsorted(self._bounds, values)
        for bucket, count in enumerate(np.bincount(buckets).tolist()):
            counters[bucket] += count
        counters[self._size - 1] += float(values.sum(dtype=np.float64))

    def totals(self) -> list[Distribution]:
        """Add up the values of all processes.

        Returns:
            One distribution for each histogram.
        """
        sums = self._block.sum().reshape(-1, self._size)
        return [Distribution(self._bounds, tuple(map(int, row[:-1])), float(row[-1])) for row in sums]
