"""Instruments count what a slow and obvious count finds."""

from collections import Counter
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.page import TEMPLATE
from app.http.routing import methods_by_template
from app.observability.counter_registry import CounterRegistry
from app.observability.histogram import Histogram
from app.observability.instruments import (
    BATCH_SIZE_BOUNDS,
    CONFIDENCE_BOUNDS,
    COUNTERS_PER_SLOT,
    DURATION_BOUNDS,
    MAX_ROUTES,
    STATUSES,
    UNMATCHED,
    RequestCount,
    create_instruments,
)
from app.observability.shared_counters import create_shared_counters
from app.predictor import Predictions
from tests.counting import create_attached as sealed
from tests.counting import create_request_counters as requests_to

METHODS = ["GET", "HEAD", "POST", "PUT", "BREW", ""]


@st.composite
def readings(draw):
    """What a network might say of some images; probabilities on the bounds of buckets, and just above."""
    edge = st.sampled_from(CONFIDENCE_BOUNDS).map(np.float32)
    confidence = st.floats(0.125, 1, width=32) | edge | edge.map(lambda bound: np.nextafter(bound, np.float32(1)))
    said = draw(st.lists(st.tuples(st.integers(0, 9), confidence), min_size=1, max_size=40))
    probabilities = np.zeros((len(said), 10), np.float32)
    for image, (digit, share) in enumerate(said):
        probabilities[image, digit] = share
    return Predictions(np.array([digit for digit, _ in said]), probabilities)


@given(st.lists(readings(), max_size=5))
def test_predictions_are_counted_alike_one_by_one_and_in_batches(passes):
    _, predictions, _ = sealed(create_instruments)
    for said in passes:
        predictions.count(said)
    digits = Counter(digit for said in passes for digit in said.digits.tolist())
    confidences = [float(share) for said in passes for share in said.probabilities.max(axis=1)]
    assert predictions.digits() == [digits[digit] for digit in range(10)]
    found = predictions.confidences()
    assert found.cumulative[:-1] == [sum(c <= bound for c in confidences) for bound in CONFIDENCE_BOUNDS]
    assert found.total == found.cumulative[-1] == len(confidences)
    assert found.sum == pytest.approx(sum(confidences))
    rows = predictions.batch_sizes()
    assert (rows.total, rows.sum) == (len(passes), len(confidences))
    assert rows.cumulative[:-1] == [sum(len(said.digits) <= bound for said in passes) for bound in BATCH_SIZE_BOUNDS]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["/a", "/b", "unmatched", "/unknown"]),
            st.sampled_from(METHODS),
            st.sampled_from(STATUSES),
            st.floats(0, 100) | st.sampled_from(DURATION_BOUNDS),
        )
    )
)
def test_requests_are_counted_by_their_labels_and_timed_by_their_route(answered):
    requests = requests_to({"/a": {"GET"}, "/b": {"GET"}})
    for route, method, status, seconds in answered:
        requests.start_request()
        requests.finish_request(route, method, status, seconds)
    known = [
        (route if route in {"/a", "/b"} else "unmatched", m if m in {"GET", "HEAD", "POST"} else "other", s, t)
        for route, m, s, t in answered
    ]
    totals = {(kind.route, kind.method, kind.status): kind.requests for kind in requests.totals()}
    assert totals == Counter((route, method, status) for route, method, status, _ in known)
    durations = requests.durations()
    assert set(durations) == {route for route, *_ in known}
    for route, found in durations.items():
        took = [seconds for of_route, *_, seconds in known if of_route == route]
        assert found.cumulative[:-1] == [sum(t <= bound for t in took) for bound in DURATION_BOUNDS]
        assert found.total == len(took)
        assert found.sum == pytest.approx(sum(took))
    assert requests.in_flight() == 0


def test_requests_are_in_flight_until_they_end():
    requests = requests_to({})
    requests.start_request()
    requests.start_request()
    assert requests.in_flight() == 2
    requests.finish_request("/a", "GET", 200, 0.1)
    assert requests.in_flight() == 1


def leave_unfinished(counters):
    """Begin two requests and end one; what a killed process leaves behind."""
    requests = requests_to({"/a": {"GET"}}, counters)
    requests.start_request()
    requests.start_request()
    requests.finish_request("/a", "GET", 200, 0.1)


def test_whoever_takes_a_lane_over_has_nothing_in_flight_and_keeps_the_counts():
    counters = create_shared_counters(COUNTERS_PER_SLOT)
    process = get_context("spawn").Process(target=leave_unfinished, args=(counters,))
    process.start()
    process.join()
    requests = requests_to({"/a": {"GET"}}, counters)
    assert requests.in_flight() == 0
    assert requests.totals() == [RequestCount("/a", "GET", 200, 1)]


def test_more_routes_than_there_are_cells_for_are_a_clear_error():
    with pytest.raises(ValueError, match=f"There are {MAX_ROUTES + 1} routes, and counters for {MAX_ROUTES}"):
        requests_to({f"/{number}": set() for number in range(MAX_ROUTES)})


def test_so_many_routes_as_there_are_cells_for_are_counted_apart():
    templates = [f"/{number}" for number in range(MAX_ROUTES - 1)]
    requests = requests_to({template: {"PUT"} for template in templates})
    for template in templates:
        requests.start_request()
        requests.finish_request(template, "PUT", 511, 1)
    assert [kind.route for kind in requests.totals()] == list(requests.durations()) == sorted(templates)


def test_every_route_of_the_service_has_cells_and_some_are_left(client):
    routes = {TEMPLATE: {"GET"}, **methods_by_template(client.app)}
    assert {"/{path}", "/predict", "/v2/models/{name}/versions/{version}/infer", "/docs"} < set(routes)
    assert routes["/livez"] == {"GET", "HEAD"}
    assert len(routes) + 1 < MAX_ROUTES


def test_every_process_has_the_same_order_of_routes():
    routes = {"/b": {"GET"}, "/a": {"POST"}}
    assert list(requests_to(routes).routes) == [UNMATCHED, "/a", "/b"]


def test_what_is_posted_is_told_of_before_it_happens():
    requests = requests_to({"/a": {"GET"}, "/b": {"POST", "HEAD"}})
    expected = [RequestCount("/b", "POST", 200, 0), RequestCount("/b", "POST", 500, 0)]
    assert requests.totals() == expected
    assert {route: seconds.total for route, seconds in requests.durations().items()} == {"/b": 0}
    requests.start_request()
    requests.finish_request("/b", "POST", 200, 1)
    assert requests.totals() == [RequestCount("/b", "POST", 200, 1), expected[1]]


def test_series_of_a_histogram_do_not_touch_each_other():
    histogram = sealed(lambda registry: Histogram(registry, "x", (1.0, 2.0), series_count=3))
    histogram.observe(1.5, histogram=1)
    histogram.observe(5, histogram=2)
    assert [found.counts for found in histogram.totals()] == [(0, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert [found.sum for found in histogram.totals()] == [0, 1.5, 5]


def test_a_sum_over_a_million_values_is_as_exact_as_over_one():
    histogram = sealed(lambda registry: Histogram(registry, "x", (1.0,)))
    histogram.observe_all(np.full(1_000_000, 0.1, np.float32))
    assert histogram.totals()[0].sum == pytest.approx(1e6 * float(np.float32(0.1)), rel=1e-9)


def test_cells_of_a_lane_are_enough_and_some_are_left():
    registry = CounterRegistry(create_shared_counters(COUNTERS_PER_SLOT))
    create_instruments(registry)
    registry.allocate(COUNTERS_PER_SLOT // 4)
