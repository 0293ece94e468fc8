"""The capacity model agrees with simulated queues, and its answers are consistent."""

import doctest
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from benchmarks.capacity import model
from benchmarks.capacity import plan as plan_module
from benchmarks.capacity.model import Cost, highest_rate, p99_seconds
from benchmarks.capacity.plan import Load, Spread, busiest_share, plan

PREDICTION = Cost(70e-6, 140e-6)
PICTURE = Cost(0.004, max_in_flight=100)
costs = st.builds(Cost, st.floats(1e-5, 0.1), st.sampled_from([0.0, 1e-4, 1e-3]), st.sampled_from([100, math.inf]))
factors = st.floats(1, 20)


def simulated_turns(seconds, rate, requests=400_000):
    """Latencies of a first-come-first-served queue with one server, request after request (Lindley)."""
    gaps = np.random.default_rng(0).exponential(1 / rate, requests)
    steps = np.concatenate([[0], np.cumsum(seconds - gaps)])
    return steps - np.minimum.accumulate(steps) + seconds


def simulated_iterations(cost, rate, iterations=40_000):
    """Latencies of requests that wait for the end of their iteration and for three further iterations."""
    rng = np.random.default_rng(0)
    lengths = np.empty(iterations)
    length = cost.iteration_seconds
    for index in range(iterations):
        length = cost.iteration_seconds + cost.request_seconds * rng.poisson(rate * length)
        lengths[index] = length
    ends = np.cumsum(lengths)
    arrivals = rng.uniform(0, ends[-4], 100_000)
    return ends[np.searchsorted(ends, arrivals) + 3] - arrivals


@pytest.mark.parametrize("module", [model, plan_module])
def test_examples_in_docstrings_are_correct(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("utilisation", [0.05, 0.3, 0.6, 0.8, 0.9])
def test_percentile_of_turns_is_that_of_a_simulated_queue(utilisation):
    simulated = np.quantile(simulated_turns(1, utilisation), 0.99)
    assert p99_seconds(Cost(1), utilisation) == pytest.approx(simulated, rel=0.1)


@pytest.mark.parametrize("rate", [1000, 6000, 9000, 12000, 13000])
def test_percentile_of_iterations_is_that_of_a_simulated_event_loop(rate):
    simulated = np.quantile(simulated_iterations(PREDICTION, rate), 0.99)
    assert p99_seconds(PREDICTION, rate) == pytest.approx(simulated, rel=0.25)


@given(costs, st.floats(0, 1.2), st.floats(0, 1.2))
def test_a_higher_rate_has_no_lower_percentile(cost, one, other):
    low, high = sorted((one * cost.saturation_rate, other * cost.saturation_rate))
    assert p99_seconds(cost, low) <= p99_seconds(cost, high) * (1 + 1e-4)


@given(costs, st.floats(1e-5, 1), factors)
def test_a_laxer_limit_allows_no_lower_rate(cost, limit, factor):
    assert highest_rate(cost, limit) <= highest_rate(cost, limit * factor)


@given(costs, st.floats(0.1, 0.95))
def test_highest_rate_is_the_inverse_of_the_percentile(cost, utilisation):
    rate = utilisation * cost.saturation_rate
    limit = p99_seconds(cost, rate)
    assume(limit < cost.max_in_flight * cost.request_seconds)
    assert highest_rate(cost, limit) == pytest.approx(rate, rel=1e-3)


@given(st.floats(1, 50_000), factors, st.floats(2, 100), factors)
def test_more_requests_or_a_stricter_limit_need_no_fewer_workers(rate, more, milliseconds, laxer):
    spread = Spread(10_000)
    workers = plan([Load(PREDICTION, rate)], milliseconds * laxer / 1e3, spread).workers
    assert workers <= plan([Load(PREDICTION, rate)], milliseconds / 1e3, spread).workers
    assert workers <= plan([Load(PREDICTION, min(rate * more, 200_000))], milliseconds * laxer / 1e3, spread).workers


@given(st.floats(1, 50_000), st.floats(2, 100))
def test_busiest_worker_of_a_plan_keeps_the_limit_and_one_worker_less_does_not(rate, milliseconds):
    limit, spread = milliseconds / 1e3, Spread(1000, 2)
    found = plan([Load(PREDICTION, rate)], limit, spread)
    assert found.possible_rate >= rate
    assert p99_seconds(PREDICTION, rate * found.busiest_share) <= limit * (1 + 1e-4)
    if found.workers > 1:
        assert rate * busiest_share(found.workers - 1, spread) > highest_rate(PREDICTION, limit)


def test_parts_of_a_mix_are_added():
    limit, spread = 0.02, Spread(10**9)
    half = [Load(cost, 0.49 * highest_rate(cost, limit)) for cost in (PREDICTION, PICTURE)]
    assert [plan(loads, limit, spread).workers for loads in (half, [*half, half[0]])] == [1, 2]


def test_a_limit_above_the_wait_of_the_last_accepted_picture_allows_no_higher_rate():
    assert highest_rate(PICTURE, 1) == highest_rate(PICTURE, 0.4) < highest_rate(PICTURE._replace(max_in_flight=999), 1)


def test_impossible_plans_are_rejected_with_a_reason():
    with pytest.raises(ValueError, match=r"a lone request takes 4\.0 ms"):
        plan([Load(PICTURE, 1)], 0.003, Spread(64))
    with pytest.raises(ValueError, match="more than 256 workers"):
        plan([Load(PICTURE, 100_000)], 0.02, Spread(64))
