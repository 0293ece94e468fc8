"""The loads of the fault benchmark, each of which has a row in the table."""

from collections.abc import Callable, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from statistics import median
from types import MappingProxyType
from typing import NamedTuple

from benchmarks.faults import requests
from benchmarks.faults.attacks import open_connections
from benchmarks.faults.hostile_files import hostile_files
from benchmarks.serving.additional_loads import picture_load
from benchmarks.serving.process import ProcessTree
from benchmarks.serving.wrk import AnswerCounts, count_answers
from model import Floats32

PATIENCE = 3  # connections are held until the server closes them, or for this multiple of a load's duration
PEAK_ROUNDS, PEAK_SECONDS = 3, 2
FILE_TIMEOUT_SECONDS = 60
# The default deadlines are longer, and the benchmark would have to wait for them. Earlier revisions have the deadline
# of a picture.
DEADLINES = ("HEAD_TIMEOUT", "BODY_TIMEOUT", "PICTURE_TIMEOUT", "KEEP_ALIVE")
SHORT_DEADLINES = MappingProxyType({f"DIGITS_{name}_SECONDS": "3" for name in DEADLINES})


class Target(NamedTuple):
    """The running service.

    Args:
        url: Its URL.
        address: Its host and port.
        processes: Its `ProcessTree`.
        images: Images to send, shape (B, 64), whole numbers in [0, 16]; B is at least 1024.
    """

    url: str
    address: tuple[str, int]
    processes: ProcessTree
    images: Floats32


class Sent(NamedTuple):
    """The outcome of a load.

    Args:
        requests: The number of requests or connections.
        answers: Their `AnswerCounts`; an incomplete request without an answer is not lost.
        goodput: The answers with the status 200 per second, or None if the load is no test of the throughput.
        remark: Another measurement, as text; empty if there is none.
    """

    requests: int
    answers: AnswerCounts
    goodput: float | None = None
    remark: str = ""


class FaultLoad(NamedTuple):
    """A load.

    Args:
        title: Name of the load in the table.
        send: Function of a `Target` and the seconds that the load takes; returns `Sent`.
        measure_peak: Function of a `Target`; returns the largest goodput of the same requests. None without goodput.
        environment: Settings of the service, as environment variables.
    """

    title: str
    send: Callable[[Target, int], Sent]
    measure_peak: Callable[[Target], float] | None = None
    environment: Mapping[str, str] = MappingProxyType({})


def repeated(title, build_load, connections, peak_connections):
    """Build a load of requests that wrk sends again as soon as they are answered.

    Args:
        title: Name of the load in the table.
        build_load: Function of images; returns the `Load`.
        connections: The number of connections.
        peak_connections: The number of connections that reach the largest goodput.
    Returns:
        The `FaultLoad`.
    """

    def send(target, seconds, connections=connections):
        load = build_load(target.images)._replace(connections=connections)
        answers, duration = count_answers(load, target.url, seconds)
        return Sent(sum(answers), answers, answers.ok / duration)

    def measure_peak(target):
        send(target, 1, peak_connections)  # warms the service up
        return median(send(target, PEAK_SECONDS, peak_connections).goodput for _ in range(PEAK_ROUNDS))

    return FaultLoad(title, send, measure_peak)


def held(title, count, build_bytes, *, reads=True, are_complete=False, environment=SHORT_DEADLINES):
    """Build a load of connections that are opened at once and held until the server closes them.

    Args:
        title: Name of the load in the table.
        count: The number of connections.
        build_bytes: Function of images; returns the bytes to send on each connection.
        reads: False if the connections never read, and send the bytes repeatedly.
        are_complete: True if the bytes are a complete request.
        environment: Settings of the service.
    Returns:
        The `FaultLoad`.
    """

    def send(target, seconds):
        data = build_bytes(target.images)
        connections = open_connections(target.address, count, data, PATIENCE * seconds, reads=reads)
        answers = count_statuses([connection.status for connection in connections])
        times = [connection.closed_after for connection in connections if connection.closed_after is not None]
        remark = f"{len(times):,} closed, the last after {max(times):.1f} s" if times else "none closed"
        return Sent(count, answers if are_complete else answers._replace(lost=0), remark=remark)

    return FaultLoad(title, send, environment=environment)


def send_files(target, _):
    """Send each hostile file once, and measure the CPU time of the service.

    Args:
        target: The `Target`.
    Returns:
        `Sent`.
    """
    statuses, costs = [], {}
    for name, content in hostile_files().items():
        cpu_before = target.processes.cpu_seconds()
        statuses.append(post_picture(target.address, content))
        costs[name] = target.processes.cpu_seconds() - cpu_before
    costliest = max(costs, key=lambda name: costs[name])
    remark = f"at most {costs[costliest]:.2f} s of CPU ({costliest})"
    return Sent(len(costs), count_statuses(statuses), remark=remark)


def post_picture(address, content):
    """Send a picture file on a connection of its own, and return the status, or None without an answer."""
    host, port = address
    with closing(HTTPConnection(host, port, timeout=FILE_TIMEOUT_SECONDS)) as connection:
        try:
            connection.request("POST", "/predict/picture", content, {"Content-Type": "application/octet-stream"})
            response = connection.getresponse()
            response.read()
        except (OSError, HTTPException):
            return None
    return response.status


def count_statuses(statuses):
    """Count the statuses of answers, of which each is a number, or None without an answer."""
    ok, unavailable, lost = (statuses.count(value) for value in (200, 503, None))
    return AnswerCounts(ok, unavailable, len(statuses) - ok - unavailable - lost, lost)


LOADS = {
    "batches": repeated("batches of 1024 images, 64 connections", requests.batch_load, 64, 4),
    "tensors": repeated("`/v2`, 1024 images in JSON, 64 connections", requests.tensor_load, 64, 4),
    "pictures": repeated("small pictures, 64 connections", lambda _: picture_load(), 64, 8),
    "more_pictures": repeated("small pictures, 256 connections", lambda _: picture_load(), 256, 8),
    "heads": held("half a head, 500 connections", 500, requests.half_head),
    "bodies": held("half a body, 500 connections", 500, requests.half_body),
    "half_batches": held("half a batch of 1.2 MB, 100 connections", 100, requests.half_batch),
    "half_pictures": held("half a picture, 100 connections", 100, requests.half_picture),
    "readers": held(
        "batches to 200 connections that never read",
        200,
        lambda images: requests.request_bytes(requests.batch_load(images)),
        reads=False,
    ),
    "pipelined": held("probes to 20 connections that never read", 20, requests.many_probes, reads=False),
    "idle": held("nothing, 1,100 connections", 1100, lambda _: b""),
    "burst": held(
        "a batch of 1.2 MB at once, 900 connections", 900, requests.long_batch, are_complete=True, environment={}
    ),
    "files": FaultLoad("hostile pictures, one after another", send_files),
}
