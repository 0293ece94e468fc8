"""Benchmark of the metrics: what it costs to count a single prediction.

`python -m benchmarks.instruments` prints microseconds per prediction, the best of several runs. It
compares the service's own instruments, which count in shared memory, with those of prometheus_client.
prometheus_client is measured twice: in one process, and in its multiprocess mode, which writes to files.
"""

import os
import subprocess
import sys
import tempfile
import timeit

import numpy as np

from app.observability.counter_registry import CounterRegistry
from app.observability.instruments import (
    BATCH_SIZE_BOUNDS,
    CONFIDENCE_BOUNDS,
    DURATION_BOUNDS,
    INSTRUMENT_COUNTERS,
    PredictionCounters,
    RequestCounters,
)
from app.observability.shared_counters import create_shared_counters
from app.predictor import Predictions

PREDICTIONS_PER_RUN = 20_000
RUNS = 7


def best_microseconds(count_prediction):
    """Return the mean duration of one call in the fastest run, in microseconds."""
    run_seconds = timeit.repeat(count_prediction, number=PREDICTIONS_PER_RUN, repeat=RUNS)
    return min(run_seconds) / PREDICTIONS_PER_RUN * 1e6


def prepare_own_instruments():
    """Create the service's instruments, and return a function that counts one prediction with them."""
    registry = CounterRegistry(create_shared_counters(INSTRUMENT_COUNTERS))
    requests, predictions = RequestCounters(registry, {"/predict": {"POST"}}), PredictionCounters(registry)
    registry.attach()
    probabilities = np.full((1, 10), 0.001, np.float32)
    probabilities[0, 3] = 0.991
    prediction = Predictions(probabilities.argmax(axis=1), probabilities)

    def count_prediction():
        requests.start_request()
        predictions.count(prediction)
        requests.finish_request("/predict", "POST", 200, 0.0003)

    return count_prediction


def prepare_prometheus_client():
    """Create the same instruments with prometheus_client, and return a function that counts one prediction.

    Label values are looked up once, outside the returned function, so prometheus_client is measured at its
    fastest.
    """
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

    registry = CollectorRegistry()
    in_flight = Gauge("in_flight", "-", registry=registry, multiprocess_mode="livesum")
    requests = Counter("requests", "-", ["route", "method", "status"], registry=registry)
    durations = Histogram("seconds", "-", ["route"], registry=registry, buckets=DURATION_BOUNDS)
    digits = Counter("digits", "-", ["digit"], registry=registry)
    confidences = Histogram("confidences", "-", registry=registry, buckets=CONFIDENCE_BOUNDS)
    batch_sizes = Histogram("rows", "-", registry=registry, buckets=BATCH_SIZE_BOUNDS)
    predict_requests = requests.labels("/predict", "POST", "200")
    predict_durations = durations.labels("/predict")
    digit_3 = digits.labels("3")

    def count_prediction():
        in_flight.inc()
        digit_3.inc()
        confidences.observe(0.991)
        batch_sizes.observe(1)
        predict_requests.inc()
        predict_durations.observe(0.0003)
        in_flight.dec()

    return count_prediction


def main():
    """Print the table.

    The script runs itself once more with the argument `files` for the last line. prometheus_client chooses
    its multiprocess mode at import, and only if PROMETHEUS_MULTIPROC_DIR names a folder.
    """
    if sys.argv[1:] == ["files"]:
        cost = best_microseconds(prepare_prometheus_client())
        print(f"{cost:6.2f} µs  prometheus_client, several processes, in files")
        return
    cost = best_microseconds(prepare_own_instruments())
    print(f"{cost:6.2f} µs  this service, several processes, in shared memory", flush=True)
    cost = best_microseconds(prepare_prometheus_client())
    print(f"{cost:6.2f} µs  prometheus_client, one process", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": folder}
        subprocess.run([sys.executable, "-m", "benchmarks.instruments", "files"], env=environment, check=True)


if __name__ == "__main__":
    main()
