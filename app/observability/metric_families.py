"""Metric families: counters, gauges and histograms in shared counters, in the form that prometheus_client writes.

A family has a name, a help text, and a series for each combination of its label values. All label values are known
beforehand. A text that the caller chooses, such as a path or a method, never becomes a label value. The number of
series is therefore bounded.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import NamedTuple, TypeAlias

import numpy as np
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from app.observability.counter_registry import CounterRegistry
from model import Floats32

Labels: TypeAlias = Mapping[str, Sequence[str]]  # name of a label → all its values


class Series:
    """The series of a family, numbered from 0.

    Args:
        labels: The labels of the family.
        predeclared: Label values of the series that are exported before their first event; by default all series.
            `rate` of Prometheus needs a series before its first event.
    """

    def __init__(self, labels: Labels, predeclared: Iterable[tuple[str, ...]] | None = None) -> None:
        self.labels = labels
        self._values = tuple(labels.values())
        self.count = prod(map(len, self._values))
        declared = product(*self._values) if predeclared is None else predeclared
        self._predeclared = [self.index(*values) for values in declared]

    def index(self, *values: str) -> int:
        """Find the index of a series.

        Args:
            values: A value of each label.
        Returns:
            The index.
        Raises:
            ValueError: A label has no such value.
        """
        index = 0
        for label, value in zip(self._values, values, strict=True):
            index = index * len(label) + label.index(value)
        return index

    def exported(self, counts: Sequence[float]) -> Iterator[tuple[tuple[str, ...], int]]:
        """List the series that are predeclared or have counted something.

        Args:
            counts: The number of events of each series.
        Yields:
            The label values and the index of each such series.
        """
        for index in sorted({*np.flatnonzero(counts).tolist(), *self._predeclared}):
            yield self._label_values(index), index

    def _label_values(self, index: int) -> tuple[str, ...]:
        values: list[str] = []
        for label in reversed(self._values):
            index, position = divmod(index, len(label))
            values.insert(0, label[position])
        return tuple(values)


class CounterFamily:
    """Counters that only grow.

    Args:
        registry: The registry that allocates the counters.
        name: Name of the family, which ends in `_total`.
        description: Help text.
        series: Its series.
    """

    def __init__(self, registry: CounterRegistry, name: str, description: str, series: Series) -> None:
        self.series = series
        self._name, self._description = name, description
        self._block = registry.allocate(series.count, name, series.labels)
        self.own_counters = self._block.own_counters  # by index of the series

    def count(self, *values: str) -> None:
        """Count one event.

        Args:
            values: A value of each label.
        """
        self.own_counters[self.series.index(*values)] += 1

    def totals(self) -> list[tuple[tuple[str, ...], int]]:
        """Add up the events of all processes.

        Returns:
            The label values of each exported series, and its number of events.
        """
        counts = self._block.sum().tolist()
        return [(values, int(counts[index])) for values, index in self.series.exported(counts)]

    def collect(self) -> Metric:
        """Return the family in prometheus_client's form."""
        family = CounterMetricFamily(self._name, self._description, labels=list(self.series.labels))
        for values, count in self.totals():
            family.add_metric(values, count)
        return family


class Gauge:
    """A number that grows and shrinks; a process that ends takes its part with it.

    Args:
        registry: The registry; it has one gauge.
        name: Name of the gauge.
        description: Help text.
    """

    def __init__(self, registry: CounterRegistry, name: str, description: str) -> None:
        self._name, self._description = name, description
        self._block = registry.gauge
        self.own_counters = self._block.own_counters  # one, the part of this process

    def total(self) -> int:
        """Return the sum over all live processes."""
        return int(self._block.read_slots(live_only=True).sum())

    def collect(self) -> Metric:
        """Return the gauge in prometheus_client's form."""
        return GaugeMetricFamily(self._name, self._description, self.total())


class Distribution(NamedTuple):
    """The values that a histogram has counted."""

    counts: tuple[int, ...]  # number of values in each bucket; one more than there are bounds
    sum: float  # sum of the values


class HistogramFamily:
    """Histograms with the same bounds.

    Args:
        registry: The registry that allocates the counters.
        name: Name of the family.
        description: Help text.
        bounds: Inclusive upper bound of each bucket but the last, which has none, in ascending order.
        series: Its series; by default one without labels.
    """

    def __init__(
        self,
        registry: CounterRegistry,
        name: str,
        description: str,
        bounds: Sequence[float],
        series: Series | None = None,
    ) -> None:
        self.series = series or Series({})
        self._name, self._description, self._bounds = name, description, bounds
        self._size = len(bounds) + 2  # counters of a histogram: one for each bound, the last bucket, and the sum
        self._block = registry.allocate(self.series.count * self._size, name, bounds, self.series.labels)

    def observe(self, value: float, index: int = 0) -> None:
        """Count one value.

        Args:
            value: The value, in the unit of the bounds.
            index: Index of the series.
        """
        counters, start = self._block.own_counters, index * self._size
        counters[start + bisect_left(self._bounds, value)] += 1
        counters[start + self._size - 1] += value

    def observe_all(self, values: Floats32) -> None:
        """Count many values in the first series, faster than one by one.

        Args:
            values: Shape (B,), in the unit of the bounds.
        """
        counters = self._block.own_counters
        for bucket, count in enumerate(np.bincount(np.searchsorted(self._bounds, values)).tolist()):
            counters[bucket] += count
        counters[self._size - 1] += float(values.sum(dtype=np.float64))

    def totals(self) -> list[tuple[tuple[str, ...], Distribution]]:
        """Add up the values of all processes.

        Returns:
            The label values of each exported series, and its distribution.
        """
        sums = self._block.sum().reshape(self.series.count, self._size)
        rows = [(values, sums[index].tolist()) for values, index in self.series.exported(sums[:, :-1].sum(axis=1))]
        return [(values, Distribution(tuple(map(int, row[:-1])), row[-1])) for values, row in rows]

    def collect(self) -> Metric:
        """Return the family in prometheus_client's form."""
        family = HistogramMetricFamily(self._name, self._description, labels=list(self.series.labels))
        bounds = [*map(str, self._bounds), "+Inf"]
        for values, distribution in self.totals():
            cumulative = np.cumsum(distribution.counts, dtype=float).tolist()
            family.add_metric(values, list(zip(bounds, cumulative, strict=True)), distribution.sum)
        return family
