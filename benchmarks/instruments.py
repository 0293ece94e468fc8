"""What counting costs a single prediction: ours, on shared memory, beside prometheus_client's own instruments.

`python -m benchmarks.instruments` prints microseconds of CPU a prediction, the best of several runs: for `app.metrics`, for
prometheus_client in one process, and for its multiprocess mode, which keeps its numbers in files.
"""

import os
import subprocess
import sys
import tempfile
import timeit

import numpy as np

from app.metrics.board import new_board
from app.metrics.instruments import CELLS, CONFIDENCES, REASONS, ROWS, SECONDS, instruments_on
from app.reader import Readings

PREDICTIONS = 20_000
RUNS = 7


def microseconds(predict):
    """Time one call, in microseconds."""
    return min(timeit.repeat(predict, number=PREDICTIONS, repeat=RUNS)) / PREDICTIONS * 1e6


def ours():
    """Count as the service does."""
    requests, predictions, _ = instruments_on(new_board(CELLS).claim())
    requests.name_routes(["/predict"])
    probabilities = np.full((1, 10), 0.001, np.float32)
    probabilities[0, 3] = 0.991
    readings = Readings(probabilities.argmax(axis=1), probabilities)

    def predict():
        requests.begin()
        predictions.count(readings)
        requests.end("/predict", "POST", 200, 0.0003)

    return predict


def theirs(*, keep_children):
    """Count the same with prometheus_client, its labelled children looked up each time or kept."""
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram  # noqa: PLC0415 - reads the environment

    registry = CollectorRegistry()
    in_flight = Gauge("in_flight", "-", registry=registry, multiprocess_mode="livesum")
    requests = Counter("requests", "-", ["route", "method", "status"], registry=registry)
    seconds = Histogram("seconds", "-", ["route"], registry=registry, buckets=SECONDS)
    digits = Counter("digits", "-", ["digit"], registry=registry)
    confidences = Histogram("confidences", "-", registry=registry, buckets=CONFIDENCES)
    rows = Histogram("rows", "-", registry=registry, buckets=ROWS)
    Counter("refused", "-", ["reason"], registry=registry).labels(REASONS[0])
    kept = requests.labels("/predict", "POST", "200"), seconds.labels("/predict"), digits.labels("3")

    def predict():
        request, second, digit = (
            kept
            if keep_children
            else (requests.labels("/predict", "POST", "200"), seconds.labels("/predict"), digits.labels("3"))
        )
        in_flight.inc()
        digit.inc()
        confidences.observe(0.991)
        rows.observe(1)
        request.inc()
        second.observe(0.0003)
        in_flight.dec()

    return predict


def main():
    """Print the table, or with `files` only the rows of the multiprocess mode, which wants a process of its own."""
    if sys.argv[1:] != ["files"]:
        print(f"{microseconds(ours()):6.2f} µs  app.metrics, in shared memory", flush=True)
    where = "files, for several processes" if sys.argv[1:] else "one process"
    for keep_children, words in ((False, "children looked up"), (True, "children kept")):
        print(
            f"{microseconds(theirs(keep_children=keep_children)):6.2f} µs  prometheus_client, {where}, {words}"
        )
    if not sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": folder}
            subprocess.run(
                [sys.executable, "-m", "benchmarks.instruments", "files"], env=environment, check=True
            )


if __name__ == "__main__":
    main()
