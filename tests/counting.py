"""Helpers for tests of counters."""

import math
from itertools import pairwise

import pytest

from app.observability.counter_registry import CounterRegistry
from app.observability.instruments import INSTRUMENT_COUNTERS, RequestCounters
from app.observability.shared_counters import create_shared_counters


def create_attached(create, shared_counters=None):
    """Create an instrument in a registry, and attach the registry.

    Args:
        create: Function from a counter registry to the instrument, which allocates counters in the registry.
        shared_counters: The shared counters to attach to; by default new ones that are all zero.
    Returns:
        The instrument, ready to count.
    """
    registry = CounterRegistry(shared_counters or create_shared_counters(INSTRUMENT_COUNTERS))
    instrument = create(registry)
    registry.attach()
    return instrument


def create_request_counters(methods, shared_counters=None):
    """Create attached request counters.

    Args:
        methods: Methods by route template.
        shared_counters: The shared counters to attach to; by default new ones that are all zero.
    Returns:
        The request counters.
    """
    return create_attached(lambda registry: RequestCounters(registry, methods), shared_counters)


def counted_requests(service):
    """Return the non-zero request counts of a service.

    Args:
        service: The object `service` in the JSON of `/metrics`.
    Returns:
        Its entries of route, method, status and count with a count above zero.
    """
    return [entry for entry in service["requests_by_answer"] if entry["count"]]


def count_by_bucket(values, bounds):
    """Count values in the slow and obvious way.

    Args:
        values: The values.
        bounds: Inclusive upper bound of each bucket but the last, in ascending order.
    Returns:
        What a `Distribution` of the values must be equal to: the number of values in each bucket, and their sum.
    """
    buckets = pairwise((-math.inf, *bounds, math.inf))
    counts = tuple(sum(lower < value <= upper for value in values) for lower, upper in buckets)
    return counts, pytest.approx(math.fsum(values))
