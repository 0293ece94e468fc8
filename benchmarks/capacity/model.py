"""The capacity model of one worker: from the cost of a request to the highest rate that keeps a limit.

A worker uses one core, and requests arrive at random, as a Poisson process. There are two disciplines:

- Batches and pictures take turns, one at a time and in their order. This is the queue M/D/1, whose service always takes
  the same time. The tail of its wait is exponential (Cramér–Lundberg; Asmussen, Applied Probability and Queues, 2nd
  edition, chapters X and XIII).
- Single predictions share iterations of the event loop. All that arrive during an iteration are predicted in one
  forward pass. This is a queue with gates (Takagi, Analysis of Polling Systems, chapter 2).

The model knows nothing of files and clocks: it takes costs, in seconds, and returns rates and seconds.
"""

import math
from typing import NamedTuple

PERCENTILE = 0.99
NORMAL_QUANTILE = 2.326  # 99 % of a normal distribution are below its mean plus 2.326 standard deviations
# A request arrives somewhere in an iteration, half of it is left on average. In the first iteration after it, its task
# starts; the second one predicts; the third one sends the answer.
ITERATIONS = 3.5
RELATIVE_PRECISION = 1e-7  # of rates and exponents


class Cost(NamedTuple):
    """The CPU time of the requests of one kind.

    Args:
        request_seconds: The time that each further request adds.
        iteration_seconds: The time of an iteration of the event loop that predicts single images; 0 for requests that
            take turns.
        max_in_flight: The number of requests that one worker accepts at the same time.
    """

    request_seconds: float
    iteration_seconds: float = 0.0
    max_in_flight: float = math.inf

    @property
    def saturation_rate(self):
        """The rate at which the queue of one worker grows without a limit, in requests a second."""
        return 1 / self.request_seconds

    def on_share(self, share):
        """Return the cost on a core of which other programs take a part.

        Args:
            share: The share of the core that is left, above 0 and at most 1.
        Returns:
            The cost, in seconds of the clock.
        """
        return self._replace(
            request_seconds=self.request_seconds / share, iteration_seconds=self.iteration_seconds / share
        )


def p99_seconds(cost, rate):
    """Estimate the 99th percentile of the latency in one worker.

    Args:
        cost: The cost of a request.
        rate: The requests a second.
    Returns:
        The seconds; infinite at the saturation rate and above.

    >>> picture = Cost(0.004)
    >>> [round(p99_seconds(picture, rate) * 1000, 1) for rate in (2, 125, 200, 250)]
    [4.0, 17.3, 45.4, inf]
    """
    if rate * cost.request_seconds >= 1 - RELATIVE_PRECISION:
        return math.inf
    return _p99_of_iterations(cost, rate) if cost.iteration_seconds else _p99_of_turns(cost, rate)


def _p99_of_iterations(cost, rate):
    """Estimate the percentile of requests that share iterations.

    An iteration takes a fixed time, and the time of each request that arrived during the iteration before:
    C' = a + b·N, where N is Poisson with the mean λ·C. With ρ = λ·b, the mean of C is m = a / (1 − ρ), and its variance
    is v = b·ρ·m / (1 − ρ²). Neighbouring iterations are nearly equally long, so a latency is a multiple of one of them.
    Iterations are approximated by a gamma distribution with the scale v / m. More requests arrive in long iterations:
    the iteration of a request has the shape m² / v + 1. Wilson and Hilferty (1931) approximate the quantile.
    """
    utilisation = rate * cost.request_seconds
    mean = cost.iteration_seconds / (1 - utilisation)
    variance = cost.request_seconds * utilisation * mean / (1 - utilisation**2)
    if variance < RELATIVE_PRECISION**2 * mean**2:  # nearly no request shares an iteration
        return ITERATIONS * mean
    shape, scale = mean**2 / variance + 1, variance / mean
    return ITERATIONS * scale * shape * (1 - 1 / (9 * shape) + NORMAL_QUANTILE / (3 * math.sqrt(shape))) ** 3


def _p99_of_turns(cost, rate):
    """Estimate the percentile of requests that take turns.

    The wait W exceeds t with the probability c·exp(−θ·t), where λ·(exp(θ·s) − 1) = θ and
    c = (1 − ρ) / (λ·s·exp(θ·s) − 1).
    """
    seconds = cost.request_seconds
    utilisation = rate * seconds
    if utilisation <= 1 - PERCENTILE:  # of 100 requests, 99 find an idle worker
        return seconds
    exponent = _decay(utilisation)
    factor = (1 - utilisation) / (utilisation * math.exp(exponent) - 1)
    return seconds * (1 + max(0.0, math.log(factor / (1 - PERCENTILE)) / exponent))


def _decay(utilisation):
    """Solve ρ·(exp(x) − 1) = x for the positive x, which is θ·s."""
    low = -math.log(utilisation)  # here the left side is smallest beside the right side
    high = 2 * low + 2
    while high - low > RELATIVE_PRECISION * high:
        middle = (low + high) / 2
        low, high = (middle, high) if utilisation * math.expm1(middle) < middle else (low, middle)
    return (low + high) / 2


def highest_rate(cost, limit_seconds):
    """Find the highest rate at which one worker keeps the 99th percentile of the latency below a limit.

    No request waits behind more than `max_in_flight` others, because the service rejects it. A limit above this wait
    allows no higher rate.

    Args:
        cost: The cost of a request.
        limit_seconds: The limit.
    Returns:
        The requests a second; 0 if even a lone request takes longer.

    >>> picture = Cost(0.004)
    >>> round(highest_rate(picture, p99_seconds(picture, 125)), 1)
    125.0
    >>> highest_rate(picture, 0.003)
    0.0
    """
    limit_seconds = min(limit_seconds, cost.max_in_flight * cost.request_seconds)
    return bisect(lambda rate: p99_seconds(cost, rate) <= limit_seconds, cost.saturation_rate)


def bisect(keeps, top):
    """Find the largest number for which a condition is true.

    Args:
        keeps: The condition; it is true for all numbers below some number, and false for all above.
        top: A number for which it is false.
    Returns:
        The number; 0 if the condition is true for none.

    >>> round(bisect(lambda number: number**2 <= 2, 10), 3)
    1.414
    """
    low, high = 0.0, top
    while high - low > RELATIVE_PRECISION * top:
        middle = (low + high) / 2
        low, high = (middle, high) if keeps(middle) else (low, middle)
    return low
