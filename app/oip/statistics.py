"""How many inferences the protocol was asked for, and how long their parts took."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import Field
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from model import Card

Clock: TypeAlias = Callable[[], int]


class Duration(TypedDict):
    """How often something was done, and how long that took."""

    count: int
    ns: Annotated[int, Field(description="Nanoseconds, in all.")]


class Parts(TypedDict):
    """The parts of requests that succeeded: parse, ask the network, shape the reply."""

    compute_input: Duration
    compute_infer: Duration
    compute_output: Duration


class InferStatistics(Parts):
    """Requests as wholes, and in parts; none waits in a queue."""

    success: Duration
    fail: Duration
    queue: Duration


class BatchStatistics(Parts):
    """The requests with so many rows, in parts."""

    batch_size: int


class ModelStatistics(TypedDict):
    """What a version of a model has done."""

    name: str
    version: str
    last_inference: Annotated[int, Field(description="Milliseconds since 1970; 0 if there was none.")]
    inference_count: Annotated[int, Field(description="Rows.")]
    execution_count: Annotated[int, Field(description="Passes through the network.")]
    inference_stats: InferStatistics
    batch_stats: list[BatchStatistics]


class StatisticsReply(TypedDict):
    """What all models have done that were asked for."""

    model_stats: list[ModelStatistics]


@dataclass
class Batches:
    """The requests that had one number of rows, and the nanoseconds of their parts."""

    requests: int = 0
    compute_input: int = 0
    compute_infer: int = 0
    compute_output: int = 0


class Stopwatch:
    """The moments of one inference.

    Args:
        clock: Tells the time, in nanoseconds.
    """

    def __init__(self, clock: Clock) -> None:
        self.rows = 0
        self.moments = [clock()]
        self._clock = clock

    def lap(self, rows: int | None = None) -> None:
        """Note that a part is done.

        Args:
            rows: Number of rows, once it is known.
        """
        if rows is not None:
            self.rows = rows
        self.moments.append(self._clock())


class Statistics:
    """Counts the inferences of one process, by number of rows.

    Args:
        clock: Tells how time passes, in nanoseconds.
        calendar: Tells what time it is, in nanoseconds since 1970.
    """

    def __init__(self, clock: Clock = time.perf_counter_ns, calendar: Clock = time.time_ns) -> None:
        self._clock = clock
        self._calendar = calendar
        self._batches: dict[int, Batches] = {}
        self._failures = 0
        self._failure_nanoseconds = 0
        self._last_milliseconds = 0

    @contextmanager
    def inference(self) -> Iterator[Stopwatch]:
        """Count what is done in the `with` block: as a failure if it raises.

        Yields:
            A stopwatch; it laps after each of the three parts.
        """
        watch = Stopwatch(self._clock)
        try:
            yield watch
        except Exception:
            self._failures += 1
            self._failure_nanoseconds += self._clock() - watch.moments[0]
            raise
        start, parsed, inferred, packed = watch.moments
        batches = self._batches.setdefault(watch.rows, Batches())
        batches.requests += 1
        batches.compute_input += parsed - start
        batches.compute_infer += inferred - parsed
        batches.compute_output += packed - inferred
        self._last_milliseconds = self._calendar() // 1_000_000

    def report(self, card: Card) -> ModelStatistics:
        """Sum up.

        Args:
            card: Of the model that inferred.
        Returns:
            Its statistics.
        """
        total = _sum(self._batches.values())
        nanoseconds = total.compute_input + total.compute_infer + total.compute_output
        return ModelStatistics(
            name=card.name,
            version=card.version,
            last_inference=self._last_milliseconds,
            inference_count=sum(rows * batches.requests for rows, batches in self._batches.items()),
            execution_count=total.requests,
            inference_stats=InferStatistics(
                success=Duration(count=total.requests, ns=nanoseconds),
                fail=Duration(count=self._failures, ns=self._failure_nanoseconds),
                queue=Duration(count=total.requests, ns=0),
                **_durations(total),
            ),
            batch_stats=[
                BatchStatistics(batch_size=rows, **_durations(batches))
                for rows, batches in sorted(self._batches.items())
            ],
        )


def _durations(batches: Batches) -> Parts:
    """Pair the time of each part with the number of requests."""
    return Parts(
        compute_input=Duration(count=batches.requests, ns=batches.compute_input),
        compute_infer=Duration(count=batches.requests, ns=batches.compute_infer),
        compute_output=Duration(count=batches.requests, ns=batches.compute_output),
    )


def _sum(batches: Iterable[Batches]) -> Batches:
    """Add up the requests of all sizes."""
    total = Batches()
    for some in batches:
        total.requests += some.requests
        total.compute_input += some.compute_input
        total.compute_infer += some.compute_infer
        total.compute_output += some.compute_output
    return total
