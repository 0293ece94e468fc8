"""What counting costs a single prediction: ours, on shared memory, beside prometheus_client's instruments.

`python -m benchmarks.instruments` prints microseconds of CPU a prediction, the best of several runs: for
`app.metrics`, and for prometheus_client in one process and in its multiprocess mode, which has files.
"""

import os
import subprocess
import sys
import tempfile
import timeit

import numpy as np

from app.metrics.board import new_board
from app.metrics.instruments import BATCH_ROWS, CELLS, CONFIDENCES, SECONDS, instruments_on
from app.metrics.layout import Layout
from app.reader import Readings

PREDICTIONS = 20_000
RUNS = 7


def microseconds(predict):
    """Time one call, in microseconds."""
    return min(timeit.repeat(predict, number=PREDICTIONS, repeat=RUNS)) / PREDICTIONS * 1e6


def ours():
    """Count as the service does."""
    layout = Layout(new_board(CELLS))
    requests, predictions, _ = instruments_on(layout)
    requests.name_routes({"/predict": {"POST"}})
    layout.seal()
    probabilities = np.full((1, 10), 0.001, np.float32)
    probabilities[0, 3] = 0.991
    readings = Readings(probabilities.argmax(axis=1), probabilities)

    def predict():
        requests.begin()
        predictions.count(readings)
        requests.end("/predict", "POST", 200, 0.0003)

    return predict


def theirs():
    """Count the same with prometheus_client, without looking anything up that can be kept."""
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

    registry = CollectorRegistry()
    in_flight = Gauge("in_flight", "-", registry=registry, multiprocess_mode="livesum")
    requests = Counter("requests", "-", ["route", "method", "status"], registry=registry)
    seconds = Histogram("seconds", "-", ["route"], registry=registry, buckets=SECONDS)
    digits = Counter("digits", "-", ["digit"], registry=registry)
    confidences = Histogram("confidences", "-", registry=registry, buckets=CONFIDENCES)
    rows = Histogram("rows", "-", registry=registry, buckets=BATCH_ROWS)
    request, second = requests.labels("/predict", "POST", "200"), seconds.labels("/predict")
    digit = digits.labels("3")

    def predict():
        in_flight.inc()
        digit.inc()
        confidences.observe(0.991)
        rows.observe(1)
        request.inc()
        second.observe(0.0003)
        in_flight.dec()

    return predict


def main():
    """Print the table; with `files` its last line, for which the environment must name a folder."""
    if sys.argv[1:] == ["files"]:
        print(f"{microseconds(theirs()):6.2f} µs  prometheus_client, several processes, in files")
        return
    print(f"{microseconds(ours()):6.2f} µs  app.metrics, several processes, in shared memory", flush=True)
    print(f"{microseconds(theirs()):6.2f} µs  prometheus_client, one process", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": folder}
        subprocess.run([sys.executable, "-m", "benchmarks.instruments", "files"], env=environment, check=True)


if __name__ == "__main__":
    main()
