"""Instruments agree with a slow and obvious count, and every route of the service has counters."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.page import PAGE_TEMPLATE
from app.http.routing import methods_by_template
from app.observability.counter_registry import CounterRegistry
from app.observability.instruments import (
    BATCH_SIZE_BOUNDS,
    CONFIDENCE_BOUNDS,
    DURATION_BOUNDS,
    INSTRUMENT_COUNTERS,
    MAX_ROUTES,
    STATUSES,
    UNMATCHED,
    RequestCount,
    create_instruments,
)
from app.observability.shared_counters import create_shared_counters
from app.predictor import Predictions
from tests.counting import create_attached, create_request_counters
from tests.processes import run_in_process

METHODS = ["GET", "HEAD", "POST", "PUT", "BREW", ""]


@st.composite
def predictions_of_request(draw):
    """Draw the predictions of one request; some probabilities are bounds of buckets, or just above them."""
    bound = st.sampled_from(CONFIDENCE_BOUNDS).map(np.float32)
    just_above_bound = bound.map(lambda value: np.nextafter(value, np.float32(1)))
    confidence = st.floats(0.125, 1, width=32) | bound | just_above_bound
    drawn = draw(st.lists(st.tuples(st.integers(0, 9), confidence), min_size=1, max_size=40))
    probabilities = np.zeros((len(drawn), 10), np.float32)
    for image, (digit, probability) in enumerate(drawn):
        probabilities[image, digit] = probability
    return Predictions(np.array([digit for digit, _ in drawn]), probabilities)


@given(st.lists(predictions_of_request(), max_size=5))
def test_prediction_counters_agree_with_slow_count(requests):
    _, counters, _ = create_attached(create_instruments)
    for predictions in requests:
        counters.count(predictions)
    digits = Counter(digit for predictions in requests for digit in predictions.digits.tolist())
    confidences = [float(highest) for predictions in requests for highest in predictions.probabilities.max(axis=1)]
    assert counters.digits() == [digits[digit] for digit in range(10)]
    distribution = counters.confidences()
    assert distribution.cumulative[:-1] == [sum(c <= bound for c in confidences) for bound in CONFIDENCE_BOUNDS]
    assert distribution.total == distribution.cumulative[-1] == len(confidences)
    assert distribution.sum == pytest.approx(sum(confidences))
    batch_sizes = [len(predictions.digits) for predictions in requests]
    distribution = counters.batch_sizes()
    assert (distribution.total, distribution.sum) == (len(requests), len(confidences))
    assert distribution.cumulative[:-1] == [sum(size <= bound for size in batch_sizes) for bound in BATCH_SIZE_BOUNDS]


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
def test_request_counters_agree_with_slow_count(finished):
    requests = create_request_counters({"/a": {"GET"}, "/b": {"GET"}})
    for route, method, status, seconds in finished:
        requests.start_request()
        requests.finish_request(route, method, status, seconds)
    labelled = [
        (
            route if route in {"/a", "/b"} else "unmatched",
            method if method in {"GET", "HEAD", "POST"} else "other",
            status,
            seconds,
        )
        for route, method, status, seconds in finished
    ]
    totals = {(count.route, count.method, count.status): count.requests for count in requests.totals()}
    assert totals == Counter((route, method, status) for route, method, status, _ in labelled)
    distributions = requests.durations()
    assert set(distributions) == {route for route, *_ in labelled}
    for route, distribution in distributions.items():
        durations = [seconds for other_route, *_, seconds in labelled if other_route == route]
        assert distribution.cumulative[:-1] == [sum(t <= bound for t in durations) for bound in DURATION_BOUNDS]
        assert distribution.total == len(durations)
        assert distribution.sum == pytest.approx(sum(durations))
    assert requests.in_flight() == 0


def test_request_is_in_flight_until_it_is_finished():
    requests = create_request_counters({})
    requests.start_request()
    requests.start_request()
    assert requests.in_flight() == 2
    requests.finish_request("/a", "GET", 200, 0.1)
    assert requests.in_flight() == 1


def start_two_requests_and_finish_one(counters):
    """Leave the counters as a killed process does."""
    requests = create_request_counters({"/a": {"GET"}}, counters)
    requests.start_request()
    requests.start_request()
    requests.finish_request("/a", "GET", 200, 0.1)


def test_new_owner_of_slot_has_no_request_in_flight_and_keeps_the_counts():
    counters = create_shared_counters(INSTRUMENT_COUNTERS)
    run_in_process(start_two_requests_and_finish_one, counters)
    requests = create_request_counters({"/a": {"GET"}}, counters)
    assert requests.in_flight() == 0
    assert requests.totals() == [RequestCount("/a", "GET", 200, 1)]


def test_request_counters_reject_more_routes_than_they_have_counters_for():
    with pytest.raises(ValueError, match=f"There are {MAX_ROUTES + 1} routes, and counters for {MAX_ROUTES}"):
        create_request_counters({f"/{number}": set() for number in range(MAX_ROUTES)})


def test_largest_number_of_routes_is_counted_separately():
    templates = [f"/{number}" for number in range(MAX_ROUTES - 1)]
    requests = create_request_counters({template: {"PUT"} for template in templates})
    for template in templates:
        requests.start_request()
        requests.finish_request(template, "PUT", 511, 1)
    assert [count.route for count in requests.totals()] == list(requests.durations()) == sorted(templates)


def test_service_has_fewer_routes_than_there_are_counters_for(client):
    routes = {PAGE_TEMPLATE: {"GET"}, **methods_by_template(client.app)}
    assert {"/{path}", "/predict", "/v2/models/{name}/versions/{version}/infer", "/docs"} < set(routes)
    assert routes["/livez"] == {"GET", "HEAD"}
    assert len(routes) + 1 < MAX_ROUTES


def test_routes_have_the_same_order_in_every_process():
    routes = {"/b": {"GET"}, "/a": {"POST"}}
    assert list(create_request_counters(routes).routes) == [UNMATCHED, "/a", "/b"]


def test_post_route_has_its_200_and_500_series_before_the_first_request():
    requests = create_request_counters({"/a": {"GET"}, "/b": {"POST", "HEAD"}})
    expected = [RequestCount("/b", "POST", 200, 0), RequestCount("/b", "POST", 500, 0)]
    assert requests.totals() == expected
    assert {route: seconds.total for route, seconds in requests.durations().items()} == {"/b": 0}
    requests.start_request()
    requests.finish_request("/b", "POST", 200, 1)
    assert requests.totals() == [RequestCount("/b", "POST", 200, 1), expected[1]]


def test_slot_has_spare_counters_after_all_instruments():
    registry = CounterRegistry(create_shared_counters(INSTRUMENT_COUNTERS))
    create_instruments(registry)
    registry.allocate(INSTRUMENT_COUNTERS // 4)
