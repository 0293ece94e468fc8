"""Families count each series separately, and export to Prometheus what all processes have counted."""

import math
from collections import Counter
from itertools import product
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest as write_text
from prometheus_client.openmetrics.exposition import generate_latest as write_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from app.observability.counter_registry import CounterRegistry
from app.observability.metric_families import CounterFamily, Gauge, HistogramFamily, Series
from app.observability.shared_counters import create_shared_counters
from tests.counting import count_by_bucket, create_attached
from tests.processes import run_in_process
from tests.samples import parse_samples

BOUNDS = (0.0, 0.0005, 0.1, 2.5, 30.0)

label_values = st.text(st.characters(codec="utf-8"), max_size=5)
drawn_labels = st.dictionaries(
    st.sampled_from(["route", "method", "status"]), st.lists(label_values, min_size=1, max_size=4, unique=True)
)
values_to_observe = st.floats(0, 100) | st.sampled_from(BOUNDS)
in_both_formats = pytest.mark.parametrize(
    ("write", "parse"), [(write_text, parse_text), (write_openmetrics, parse_openmetrics)], ids=["text", "openmetrics"]
)


def combine(labels):
    """Return every combination of the values of some labels."""
    return list(product(*labels.values()))


@st.composite
def drawn_series(draw):
    """Draw labels, and some combinations of their values as predeclared, or None."""
    labels = draw(drawn_labels)
    return labels, draw(st.none() | st.lists(st.sampled_from(combine(labels)), max_size=3))


def expected_series(labels, predeclared, counted):
    """Return the combinations of label values that are predeclared or counted, all if `predeclared` is None."""
    return [values for values in combine(labels) if predeclared is None or values in predeclared or values in counted]


def sample_key(name, labels, values=(), **further_labels):
    """Return the key of a sample in the result of `parse_samples`."""
    return name, tuple(sorted({**dict(zip(labels, values, strict=True)), **further_labels}.items()))


def collected_samples(family, write=write_text, parse=parse_text):
    """Let prometheus_client write a family, and parse what it has written."""
    collector = SimpleNamespace(collect=lambda: [family.collect()])
    return parse_samples(httpx.Response(200, content=write(collector)), parse)


@given(drawn_labels)
def test_series_are_numbered_in_the_order_of_their_label_values(labels):
    series = Series(labels)
    assert series.count == len(combine(labels))
    assert [series.index(*values) for values in combine(labels)] == list(range(series.count))


@pytest.mark.parametrize("values", [("/c", "GET"), ("/a", "get"), ("GET", "/a"), ("", "GET")])
def test_unknown_label_value_has_no_index(values):
    with pytest.raises(ValueError, match="not in tuple"):
        Series({"route": ("/a", "/b"), "method": ("GET", "POST")}).index(*values)


@pytest.mark.parametrize("values", [(), ("/a",), ("/a", "GET", "GET")])
def test_index_needs_a_value_of_each_label(values):
    with pytest.raises(ValueError, match="zip"):
        Series({"route": ("/a", "/b"), "method": ("GET", "POST")}).index(*values)


def test_series_with_unknown_label_value_cannot_be_predeclared():
    with pytest.raises(ValueError, match="not in tuple"):
        Series({"route": ("/a", "/b")}, [("/c",)])


def test_event_with_unknown_label_value_is_not_counted():
    family = create_attached(lambda registry: CounterFamily(registry, "a_total", "A.", Series({"route": ("/a", "/b")})))
    with pytest.raises(ValueError, match="not in tuple"):
        family.count("/c")
    assert family.totals() == [(("/a",), 0), (("/b",), 0)]


@given(drawn_series(), st.data())
def test_series_are_exported_that_are_predeclared_or_have_counted(labels_and_predeclared, data):
    labels, predeclared = labels_and_predeclared
    counts = [data.draw(st.integers(0, 2)) for _ in combine(labels)]
    counted = [values for values, count in zip(combine(labels), counts, strict=True) if count]
    exported = list(Series(labels, predeclared).exported(counts))
    assert [values for values, _ in exported] == expected_series(labels, predeclared, counted)
    assert [combine(labels)[index] for _, index in exported] == [values for values, _ in exported]


def test_series_without_labels_has_index_0_and_is_exported_before_its_first_event():
    series = Series({})
    assert (series.count, series.index(), list(series.exported([0]))) == (1, 0, [((), 0)])


@in_both_formats
@given(drawn_series(), st.data())
def test_counters_are_exported_as_they_were_counted(write, parse, labels_and_predeclared, data):
    labels, predeclared = labels_and_predeclared
    series = Series(labels, predeclared)
    family = create_attached(lambda registry: CounterFamily(registry, "events_total", "Events.", series))
    events = data.draw(st.lists(st.sampled_from(combine(labels))))
    for values in events:
        family.count(*values)
    expected = [(values, Counter(events)[values]) for values in expected_series(labels, predeclared, events)]
    assert family.totals() == expected
    samples = {sample_key("events_total", labels, values): count for values, count in expected}
    assert collected_samples(family, write, parse) == samples


@in_both_formats
@given(drawn_series(), st.data())
def test_histograms_are_exported_as_they_were_observed(write, parse, labels_and_predeclared, data):
    labels, predeclared = labels_and_predeclared
    series = Series(labels, predeclared)
    family = create_attached(lambda registry: HistogramFamily(registry, "seconds", "Durations.", BOUNDS, series))
    observed = data.draw(st.lists(st.tuples(st.sampled_from(combine(labels)), values_to_observe)))
    for values, seconds in observed:
        family.observe(seconds, series.index(*values))
    durations = {
        values: [seconds for other_values, seconds in observed if other_values == values]
        for values in expected_series(labels, predeclared, [values for values, _ in observed])
    }
    assert family.totals() == [(values, count_by_bucket(seconds, BOUNDS)) for values, seconds in durations.items()]
    samples = {}
    for values, seconds in durations.items():
        for bound in (*BOUNDS, math.inf):
            key = sample_key("seconds_bucket", labels, values, le="+Inf" if bound == math.inf else str(bound))
            samples[key] = sum(value <= bound for value in seconds)
        samples[sample_key("seconds_count", labels, values)] = len(seconds)
        samples[sample_key("seconds_sum", labels, values)] = pytest.approx(math.fsum(seconds))
    assert collected_samples(family, write, parse) == samples


@in_both_formats
@given(st.lists(st.integers(-1000, 1000)))
def test_gauge_is_exported_as_the_sum_of_its_changes(write, parse, changes):
    gauge = create_attached(lambda registry: Gauge(registry, "in_flight", "Unfinished requests."))
    for change in changes:
        gauge.own_counters[0] += change
    assert gauge.total() == sum(changes)
    assert collected_samples(gauge, write, parse) == {("in_flight", ()): sum(changes)}


def test_families_are_exported_with_their_type_and_help_text():
    registry = CounterRegistry(create_shared_counters(counters_per_slot=10))
    families = (
        CounterFamily(registry, "events_total", "Events.", Series({})),
        Gauge(registry, "in_flight", "Unfinished requests."),
        HistogramFamily(registry, "seconds", "Durations.", (1.0,)),
    )
    registry.attach()
    collector = SimpleNamespace(collect=lambda: [family.collect() for family in families])
    assert [
        (family.name, family.type, family.documentation) for family in parse_text(write_text(collector).decode())
    ] == [
        ("events", "counter", "Events."),
        ("in_flight", "gauge", "Unfinished requests."),
        ("seconds", "histogram", "Durations."),
    ]


def test_histograms_of_a_family_have_separate_counters():
    series = Series({"route": ("/a", "/b", "/c")})
    family = create_attached(lambda registry: HistogramFamily(registry, "x", "X.", (1.0, 2.0), series))
    family.observe(1.5, series.index("/b"))
    family.observe(5, series.index("/c"))
    assert family.totals() == [(("/a",), ((0, 0, 0), 0)), (("/b",), ((0, 1, 0), 1.5)), (("/c",), ((0, 0, 1), 5))]


@given(st.lists(st.floats(0, 100, width=32) | st.sampled_from(BOUNDS).map(np.float32)))
def test_values_are_observed_at_once_as_they_are_one_by_one(values):
    family = create_attached(lambda registry: HistogramFamily(registry, "x", "X.", BOUNDS))
    family.observe_all(np.array(values, np.float32))
    assert family.totals() == [((), count_by_bucket(list(map(float, values)), BOUNDS))]


def test_sum_over_a_million_values_is_as_exact_as_over_one_value():
    family = create_attached(lambda registry: HistogramFamily(registry, "x", "X.", (1.0,)))
    family.observe_all(np.full(1_000_000, 0.1, np.float32))
    ((_, distribution),) = family.totals()
    assert distribution.sum == pytest.approx(1e6 * float(np.float32(0.1)), rel=1e-9)


def count_in_each_family(
    shared_counters, name="events_total", routes=("/a", "/b"), label="route", bounds=(1.0, 2.0), methods=("GET", "POST")
):
    """Count one event, increase a gauge by 1 and observe the value 1; return the three families."""
    registry = CounterRegistry(shared_counters)
    events = CounterFamily(registry, name, "Events.", Series({label: routes}))
    gauge = Gauge(registry, "in_flight", "Unfinished requests.")
    histograms = HistogramFamily(registry, "seconds", "Durations.", bounds, Series({"method": methods}))
    registry.attach()
    events.own_counters[0] += 1
    gauge.own_counters[0] += 1
    histograms.observe(1)
    return events, gauge, histograms


def test_counts_of_an_ended_process_remain_and_its_part_of_a_gauge_does_not():
    shared_counters = create_shared_counters(counters_per_slot=20, slot_count=2)
    events, gauge, histograms = count_in_each_family(shared_counters)
    run_in_process(count_in_each_family, shared_counters)
    assert events.totals() == [(("/a",), 2), (("/b",), 0)]
    assert histograms.totals() == [(("GET",), ((2, 0, 0), 2)), (("POST",), ((0, 0, 0), 0))]
    assert gauge.total() == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"name": "others_total"}, id="other name"),
        pytest.param({"label": "path"}, id="other label"),
        pytest.param({"routes": ("/a", "/c")}, id="other label value"),
        pytest.param({"routes": ("/b", "/a")}, id="other order of the label values"),
        pytest.param({"methods": ("GET", "HEAD")}, id="other label value of the histograms"),
        pytest.param({"bounds": (1.0, 3.0)}, id="other bound"),
    ],
)
def test_counts_of_a_process_with_other_families_are_not_added_up(change):
    shared_counters = create_shared_counters(counters_per_slot=20, slot_count=2)
    run_in_process(count_in_each_family, shared_counters)
    events, _, _ = count_in_each_family(shared_counters, **change)
    assert [count for _, count in events.totals()] == [1, 0]
