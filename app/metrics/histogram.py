"""Histograms in shared cells."""

from bisect import bisect_left
from typing import NamedTuple

import numpy as np

from app.metrics.layout import Layout
from model import Floats32


class Distribution(NamedTuple):
    """What a histogram counted."""

    bounds: tuple[float, ...]  # the upper bound of each bucket, which belongs to it; the last has none
    counts: tuple[int, ...]  # in each bucket alone, one more than bounds
    sum: float

    @property
    def total(self) -> int:
        """How many values were counted."""
        return sum(self.counts)

    @property
    def cumulative(self) -> list[int]:
        """How many values are in each bucket or one below it."""
        total = 0
        return [total := total + count for count in self.counts]


class Histogram:
    """Some histograms with the same bounds.

    Args:
        layout: Where cells are taken.
        name: What it counts.
        bounds: Upper bound of each bucket but the last, rising.
        series: How many histograms.
    """

    def __init__(self, layout: Layout, name: str, bounds: tuple[float, ...], series: int = 1) -> None:
        self._bounds = bounds
        self._width = len(bounds) + 2  # the bucket without a bound, and the sum
        self._block = layout.take(series * self._width, name, bounds)

    def observe(self, value: float, series: int = 0) -> None:
        """Count one value.

        Args:
            value: In the unit of the bounds.
            series: Of which histogram.
        """
        cells, start = self._block.own, series * self._width
        cells[start + bisect_left(self._bounds, value)] += 1
        cells[start + self._width - 1] += value

    def observe_all(self, values: Floats32) -> None:
        """Count values in the first histogram, faster than one by one if they are many.

        Args:
            values: In the unit of the bounds, shape (B,).
        """
        cells, buckets = self._block.own, np.searchsorted(self._bounds, values)
        for bucket, count in enumerate(np.bincount(buckets).tolist()):
            cells[bucket] += count
        cells[self._width - 1] += float(values.sum(dtype=np.float64))

    def totals(self) -> list[Distribution]:
        """Add up what all processes counted.

        Returns:
            One of each series.
        """
        sums = self._block.sum().reshape(-1, self._width)
        return [Distribution(self._bounds, tuple(map(int, row[:-1])), float(row[-1])) for row in sums]
