"""How many inferences the protocol was asked for, and how long their parts took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, NamedTuple, TypeAlias

import numpy as np
from pydantic import Field
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from app.metrics.board import Floats64
from app.metrics.layout import Layout
from model import Card

Clock: TypeAlias = Callable[[], int]

WIDTH = 4  # cells for a number of rows: requests, and the nanoseconds of their three parts


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


class Batches(NamedTuple):
    """The requests that had one number of rows, and the nanoseconds of their parts."""

    requests: int
    compute_input: int
    compute_infer: int
    compute_output: int


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
    """Counts the inferences of a service, by number of rows.

    Args:
        layout: Where cells are taken.
        max_rows: Most rows of an inference.
        clock: Tells how time passes, in nanoseconds.
        calendar: Tells what time it is, in nanoseconds since 1970.
    """

    def __init__(
        self,
        layout: Layout,
        max_rows: int,
        clock: Clock = time.perf_counter_ns,
        calendar: Clock = time.time_ns,
    ) -> None:
        self._clock = clock
        self._calendar = calendar
        self._batches = layout.take((max_rows + 1) * WIDTH, "inferences")
        self._failures = layout.take(2, "failures")  # how many, and their nanoseconds
        self._last_milliseconds = layout.take(1, "last")

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
            self._failures.own[0] += 1
            self._failures.own[1] += self._clock() - watch.moments[0]
            raise
        start, parsed, inferred, packed = watch.moments
        cells, first = self._batches.own, watch.rows * WIDTH
        cells[first] += 1
        cells[first + 1] += parsed - start
        cells[first + 2] += inferred - parsed
        cells[first + 3] += packed - inferred
        self._last_milliseconds.own[0] = self._calendar() // 1_000_000

    def report(self, card: Card) -> ModelStatistics:
        """Sum up.

        Args:
            card: Of the model that inferred.
        Returns:
            Its statistics.
        """
        sums = self._batches.sum().reshape(-1, WIDTH)
        batches = {rows: _batches(sums[rows]) for rows in np.flatnonzero(sums[:, 0]).tolist()}
        total = _batches(sums.sum(axis=0))
        failures, failure_nanoseconds = map(int, self._failures.sum())
        nanoseconds = total.compute_input + total.compute_infer + total.compute_output
        return ModelStatistics(
            name=card.name,
            version=card.version,
            last_inference=int(self._last_milliseconds.lanes().max()),
            inference_count=sum(rows * some.requests for rows, some in batches.items()),
            execution_count=total.requests,
            inference_stats=InferStatistics(
                success=Duration(count=total.requests, ns=nanoseconds),
                fail=Duration(count=failures, ns=failure_nanoseconds),
                queue=Duration(count=total.requests, ns=0),
                **_durations(total),
            ),
            batch_stats=[
                BatchStatistics(batch_size=rows, **_durations(some)) for rows, some in batches.items()
            ],
        )


def _durations(batches: Batches) -> Parts:
    """Pair the time of each part with the number of requests."""
    return Parts(
        compute_input=Duration(count=batches.requests, ns=batches.compute_input),
        compute_infer=Duration(count=batches.requests, ns=batches.compute_infer),
        compute_output=Duration(count=batches.requests, ns=batches.compute_output),
    )


def _batches(sums: Floats64) -> Batches:
    """Name what was counted."""
    return Batches(*map(int, sums))


def statistics_cells(max_rows: int) -> int:
    """Say how many cells the statistics take.

    Args:
        max_rows: Most rows of an inference.
    Returns:
        A number of cells.
    """
    return (max_rows + 1) * WIDTH + 3
