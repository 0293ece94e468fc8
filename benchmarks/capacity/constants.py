"""Measurement of the constants of the model."""

import os
import time

import numpy as np

from benchmarks.capacity.generator import Generator, random_times
from benchmarks.capacity.kinds import BATCHES, LARGE_BATCH, SMALL_BATCH, TOGETHER, build_request
from benchmarks.capacity.machine import ALL_CORES, count_sockets, use_cores
from benchmarks.serving.comparison import running_contender
from benchmarks.serving.contenders import CONTENDERS
from benchmarks.serving.wrk import CLIENT_CORE

WARM_UP_SECONDS = 0.3
# In a closed loop, the same few buffers are always in the cache. Requests that take turns are therefore measured at
# random times, at half of the rate of the closed loop: with pauses, as a service works that keeps a limit.
PART_OF_CLOSED_LOOP = 0.5
PHOTO_CONNECTIONS = 4  # the bodies of more photos exceed a limit of the service
SPREAD_CONNECTIONS, SPREAD_TRIALS = 64, 3
SETTLE_SECONDS = 0.2  # for a worker to accept or close the connections
SECONDS_BETWEEN_CONNECTIONS = 0.01


def measure_constants(images, address_of, seconds):
    """Measure the constants of one round.

    Args:
        images: Images to send, shape (B, 64), whole numbers in [0, 16]; B is at least 1024.
        address_of: Function that returns the host and port of a URL.
        seconds: The duration of each load.
    Returns:
        By name: the CPU time of a request of each load; the seconds until a worker was ready; the memory of one and of
        two workers; the CPU time of the load generator for a single prediction; and the largest share of the
        connections that one of two workers got, in each trial.
    """
    os.sched_setaffinity(0, {int(CLIENT_CORE)})
    with running_contender(CONTENDERS["ours"]) as (url, processes, ready_seconds):
        memory = processes.memory()["memory_bytes"]
        measured = {"ready_seconds": ready_seconds, "memory_one_worker": memory}
        predict = build_request("predict", images)
        for name, connections in (("predict_alone", 1), ("predict_together", TOGETHER)):
            with Generator(address_of(url), predict, connections) as generator:
                rate = closed_loop_rate(generator, connections)
                times = np.zeros(round(rate * seconds))
                measured[name] = _cpu_of_request(generator, processes, times)
        for name, request in _requests_that_take_turns(images).items():
            connections = PHOTO_CONNECTIONS if name == "photo" else TOGETHER
            with Generator(address_of(url), request, connections) as generator:
                rate = PART_OF_CLOSED_LOOP * closed_loop_rate(generator, connections)
                times = random_times(rate, seconds / PART_OF_CLOSED_LOOP, seed=0)
                measured[name] = _cpu_of_request(generator, processes, times)
    with running_contender(CONTENDERS["two_workers"]) as (url, processes, _):
        measured["memory_two_workers"] = processes.memory()["memory_bytes"]
        use_cores([os.getpid(), *processes.pids()], ALL_CORES)
        for name, pause in (("spread_at_once", 0), ("spread_one_by_one", SECONDS_BETWEEN_CONNECTIONS)):
            trials = [_largest_share(address_of(url), processes, pause) for _ in range(SPREAD_TRIALS)]
            measured[name] = trials
    return measured


def _requests_that_take_turns(images):
    """Return the request of each load that is no single prediction."""
    sizes = [(kind, rows) for kind in BATCHES for rows in (SMALL_BATCH, LARGE_BATCH)]
    batches = {f"{kind}_{rows}": build_request(kind, images, rows) for kind, rows in sizes}
    return batches | {kind: build_request(kind, images) for kind in ("picture", "photo")}


def closed_loop_rate(generator, connections):
    """Measure the rate while each connection sends its next request after its answer; this also warms the service up.

    Args:
        generator: The load generator.
        connections: The number of its connections.
    Returns:
        The requests a second.
    """
    count = connections
    while (sent := generator.send(np.zeros(count))).seconds < WARM_UP_SECONDS:
        count *= 2
    return count / sent.seconds


def _cpu_of_request(generator, processes, times):
    """Send requests at the planned times, and return the CPU seconds of the server for each."""
    before = processes.cpu_seconds()
    generator.send(times)
    return (processes.cpu_seconds() - before) / len(times)


def _largest_share(address, processes, pause):
    """Open connections to two workers, and return the share of the worker that has accepted more of them."""
    time.sleep(SETTLE_SECONDS)
    shares = spread_connections(address, processes, pause)
    return max(shares)


def spread_connections(address, processes, pause):
    """Open connections, and return the share of each worker."""
    workers = processes.worker_pids()
    before = count_sockets(workers)
    with Generator(address, b"", SPREAD_CONNECTIONS, pause):
        time.sleep(SETTLE_SECONDS)
        return shares_since(before, workers)


def shares_since(before, workers):
    """Return the share of each worker in the connections that have been opened.

    Args:
        before: The number of sockets of each worker before.
        workers: The ids of the workers.
    Returns:
        The shares.
    """
    opened = [after - count for after, count in zip(count_sockets(workers), before, strict=True)]
    return [count / sum(opened) for count in opened]
