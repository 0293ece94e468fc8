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
    CLIENT_DISCONNECTED,
    CONFIDENCE_BOUNDS,
    DURATION_BOUNDS,
    INSTRUMENT_COUNTERS,
    REJECTION_REASONS,
    STATUSES,
    UNMATCHED,
    PredictionCounters,
    RequestCounters,
    rejected_picture_counters,
)
from app.observability.shared_counters import SharedCountersError, create_shared_counters
from app.predictor import Predictions
from tests.counting import count_by_bucket, create_attached, create_request_counters
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
    counters = create_attached(PredictionCounters)
    for predictions in requests:
        counters.count(predictions)
    digits = Counter(digit for predictions in requests for digit in predictions.digits.tolist())
    confidences = [float(highest) for predictions in requests for highest in predictions.probabilities.max(axis=1)]
    batch_sizes = [len(predictions.digits) for predictions in requests]
    assert counters.digits.totals() == [((str(digit),), digits[digit]) for digit in range(10)]
    assert counters.confidences.totals() == [((), count_by_bucket(confidences, CONFIDENCE_BOUNDS))]
    assert counters.batch_sizes.totals() == [((), count_by_bucket(batch_sizes, BATCH_SIZE_BOUNDS))]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["/a", "/b", "unmatched", "/unknown"]),
            st.sampled_from(METHODS),
            st.sampled_from([CLIENT_DISCONNECTED, 200, 500]) | st.sampled_from(STATUSES).map(int),
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
    totals = dict(requests.requests.totals())
    assert totals == Counter((route, method, str(status)) for route, method, status, _ in labelled)
    distributions = dict(requests.durations.totals())
    assert set(distributions) == {(route,) for route, *_ in labelled}
    for (route,), distribution in distributions.items():
        durations = [seconds for other_route, *_, seconds in labelled if other_route == route]
        assert distribution == count_by_bucket(durations, DURATION_BOUNDS)
    assert requests.in_flight.total() == 0


def test_request_is_in_flight_until_it_is_finished():
    requests = create_request_counters({})
    requests.start_request()
    requests.start_request()
    assert requests.in_flight.total() == 2
    requests.finish_request("/a", "GET", 200, 0.1)
    assert requests.in_flight.total() == 1


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
    assert requests.in_flight.total() == 0
    assert requests.requests.totals() == [(("/a", "GET", "200"), 1)]
    assert [values for values, _ in requests.durations.totals()] == [("/a",)]


def test_requests_of_a_process_with_other_routes_are_not_added_up():
    counters = create_shared_counters(INSTRUMENT_COUNTERS)
    run_in_process(start_two_requests_and_finish_one, counters)
    assert create_request_counters({"/b": {"GET"}}, counters).requests.totals() == []


def test_routes_that_need_more_counters_than_a_slot_has_are_rejected():
    with pytest.raises(SharedCountersError, match=f"A slot has {INSTRUMENT_COUNTERS} counters"):
        create_request_counters({f"/{number}": {"GET"} for number in range(1000)})


def test_many_routes_are_counted_separately():
    templates = [f"/{number}" for number in range(50)]
    requests = create_request_counters({template: {"PUT"} for template in templates})
    for template in templates:
        requests.start_request()
        requests.finish_request(template, "PUT", 511, 1)
    assert requests.requests.totals() == [((template, "other", "511"), 1) for template in sorted(templates)]
    expected = count_by_bucket([1], DURATION_BOUNDS)
    assert requests.durations.totals() == [((template,), expected) for template in sorted(templates)]


def test_routes_have_the_same_order_in_every_process():
    routes = {"/b": {"GET"}, "/a": {"POST"}}
    assert list(create_request_counters(routes).routes) == [UNMATCHED, "/a", "/b"]


def test_post_route_has_its_200_and_500_series_before_the_first_request():
    requests = create_request_counters({"/a": {"GET"}, "/b": {"POST", "HEAD"}})
    assert requests.requests.totals() == [(("/b", "POST", "200"), 0), (("/b", "POST", "500"), 0)]
    assert requests.durations.totals() == [(("/b",), count_by_bucket([], DURATION_BOUNDS))]
    requests.start_request()
    requests.finish_request("/b", "POST", 200, 1)
    assert requests.requests.totals() == [(("/b", "POST", "200"), 1), (("/b", "POST", "500"), 0)]


def test_every_reason_for_a_rejected_picture_has_its_series_before_the_first_picture():
    rejected_pictures = create_attached(rejected_picture_counters)
    assert dict(rejected_pictures.totals()) == {(reason,): 0 for reason in REJECTION_REASONS}
    rejected_pictures.count("busy")
    assert dict(rejected_pictures.totals()) == {(reason,): int(reason == "busy") for reason in REJECTION_REASONS}


def test_slot_has_spare_counters_after_all_instruments_of_the_service(client):
    routes = {PAGE_TEMPLATE: {"GET"}, **methods_by_template(client.app)}
    assert {"/{path}", "/predict", "/v2/models/{name}/versions/{version}/infer", "/docs", "/metrics"} < set(routes)
    assert routes["/livez"] == {"GET"}
    registry = CounterRegistry(create_shared_counters(INSTRUMENT_COUNTERS))
    RequestCounters(registry, routes)
    PredictionCounters(registry)
    rejected_picture_counters(registry)
    registry.allocate(INSTRUMENT_COUNTERS // 4)
