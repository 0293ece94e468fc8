"""The protocol's statistics: the number of inferences, and the duration of their phases."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter_ns, time_ns
from typing import Annotated, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from app.observability.counter_registry import CounterRegistry
from model import Card

Clock: TypeAlias = Callable[[], int]

COUNTERS_PER_BATCH_SIZE = 4  # the number of requests, and the nanoseconds of their three phases


class Duration(TypedDict):
    """How often something happened, and its total duration."""

    count: int
    ns: Annotated[int, Field(description="Total duration in nanoseconds.")]


class Phases(TypedDict):
    """The three phases of successful requests: parse the input, run the network, write the output."""

    compute_input: Duration
    compute_infer: Duration
    compute_output: Duration


class InferStatistics(Phases):
    """Statistics of all requests; no request waits in a queue, and no reply is cached."""

    success: Duration
    fail: Duration
    queue: Duration
    cache_hit: Duration
    cache_miss: Duration


class BatchStatistics(Phases):
    """Statistics of the requests with one batch size."""

    batch_size: int


class ModelStatistics(TypedDict):
    """Statistics of one version of a model."""

    name: str
    version: str
    last_inference: Annotated[int, Field(description="Last inference, in milliseconds since 1970; 0 if there is none.")]
    inference_count: Annotated[int, Field(description="Number of images.")]
    execution_count: Annotated[int, Field(description="Number of forward passes of the network.")]
    inference_stats: InferStatistics
    batch_stats: list[BatchStatistics]
    response_stats: Annotated[dict[str, Duration], Field(description="Empty: each request has one response.")]
    memory_usage: Annotated[list[int], Field(description="Empty: the memory of the model is not measured.")]


class StatisticsReply(TypedDict):
    """Statistics of all requested models."""

    model_stats: list[ModelStatistics]


class Stopwatch:
    """Records the times at which the phases of one inference end.

    Args:
        clock: Clock that returns nanoseconds.
    """

    def __init__(self, clock: Clock) -> None:
        self.batch_size = 0
        self.times = [clock()]
        self._clock = clock

    def end_phase(self, batch_size: int = 0) -> None:
        """Record the end of a phase.

        Args:
            batch_size: Number of images, given once, at the end of the phase that finds it.
        """
        self.batch_size += batch_size
        self.times.append(self._clock())


class OipStatistics:
    """Counts the inferences of the service by batch size.

    Args:
        registry: Registry that allocates the counters.
        max_batch_size: Largest number of images in a request.
        clock: Clock for durations, in nanoseconds.
        wall_clock: Clock for points in time, in nanoseconds since 1970.
    """

    def __init__(
        self,
        registry: CounterRegistry,
        max_batch_size: int,
        clock: Clock = perf_counter_ns,
        wall_clock: Clock = time_ns,
    ) -> None:
        self._clock, self._wall_clock = clock, wall_clock
        self._batches = registry.allocate((max_batch_size + 1) * COUNTERS_PER_BATCH_SIZE, "inferences")
        self._failures = registry.allocate(2, "failures")  # number and nanoseconds
        self._last_inference_milliseconds = registry.allocate(1, "last")

    @contextmanager
    def inference(self) -> Iterator[Stopwatch]:
        """Count the `with` block as one inference, or as a failure if it raises.

        Yields:
            A stopwatch; the block calls `end_phase` three times: after it parsed the input, ran the network, and
            wrote the output.
        """
        stopwatch = Stopwatch(self._clock)
        try:
            yield stopwatch
        except Exception:  # every error counts as a failure, and is raised again
            self._failures.own_counters[0] += 1
            self._failures.own_counters[1] += self._clock() - stopwatch.times[0]
            raise
        start, parsed, inferred, written = stopwatch.times
        counters, first = self._batches.own_counters, stopwatch.batch_size * COUNTERS_PER_BATCH_SIZE
        counters[first] += 1
        counters[first + 1] += parsed - start
        counters[first + 2] += inferred - parsed
        counters[first + 3] += written - inferred
        self._last_inference_milliseconds.own_counters[0] = self._wall_clock() // 1_000_000

    def report(self, card: Card) -> ModelStatistics:
        """Add up the statistics of all processes.

        Args:
            card: Card of the model.
        Returns:
            The statistics of the model.
        """
        counters = self._batches.sum().astype(int).reshape(-1, COUNTERS_PER_BATCH_SIZE)  # a row for each batch size
        batch_sizes = np.flatnonzero(counters[:, 0])
        total = counters.sum(axis=0)
        requests, nanoseconds = int(total[0]), int(total[1:].sum())
        failures, failure_nanoseconds = map(int, self._failures.sum())
        return ModelStatistics(
            name=card.name,
            version=card.version,
            last_inference=int(self._last_inference_milliseconds.read_slots().max()),
            inference_count=int(batch_sizes @ counters[batch_sizes, 0]),
            execution_count=requests,
            inference_stats=InferStatistics(
                success=Duration(count=requests, ns=nanoseconds),
                fail=Duration(count=failures, ns=failure_nanoseconds),
                queue=Duration(count=requests, ns=0),
                cache_hit=Duration(count=0, ns=0),
                cache_miss=Duration(count=0, ns=0),
                **_phases(total),
            ),
            batch_stats=[BatchStatistics(batch_size=size, **_phases(counters[size])) for size in batch_sizes.tolist()],
            response_stats={},
            memory_usage=[],
        )


def _phases(counters: NDArray[np.int64]) -> Phases:
    """Pair the duration of each phase with the number of requests; both are in the counters of a batch size."""
    requests, *nanoseconds = counters.tolist()
    parse, run, write = (Duration(count=requests, ns=ns) for ns in nanoseconds)
    return Phases(compute_input=parse, compute_infer=run, compute_output=write)


def number_of_statistics_counters(max_batch_size: int) -> int:
    """Compute the number of counters that the statistics need.

    Args:
        max_batch_size: Largest number of images in a request.
    Returns:
        The number of counters.
    """
    return (max_batch_size + 1) * COUNTERS_PER_BATCH_SIZE + 3  # two for failures, one for the last inference
