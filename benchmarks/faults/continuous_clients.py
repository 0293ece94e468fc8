"""Clients that send requests without interruption during an event, and count their lost requests."""

import asyncio
import re
import socket
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

import numpy as np

from benchmarks.faults.client_process import client_process
from benchmarks.faults.good_clients import CONTENT_LENGTH, PROBE_INTERVAL_SECONDS, Wait, start_repeatedly

BUSY_CLIENTS, IDLE_CLIENTS, NEW_CLIENTS = 16, 16, 32
MAX_PAUSE_SECONDS = 0.9  # less than the second for which a stopping service still waits for the next request
TIMEOUT_SECONDS = 20  # of a connection, and of an answer
RECEIVED_BYTES = 64 * 1024
CLOSES = re.compile(rb"\nconnection: *close\r", re.IGNORECASE)


class Outcome(Enum):
    """The outcome of a request."""

    ANSWERED = auto()  # with the status 200
    OTHER_STATUS = auto()
    LOST_KEPT = auto()  # sent on a connection with earlier answers, and not answered completely
    LOST_NEW = auto()  # the same on a new connection, or the server reset the connection before the request was sent
    NOT_CONNECTED = auto()  # the client may send the request to another server


@dataclass
class Tally:
    """The results of one or several clients.

    Args:
        outcomes: The number of requests with each outcome.
        answers: The number of answers with the status 200, by the index of the request and the body of the answer.
        worst_seconds: The longest time from the start of a request, with the connection if it is new, to the last byte
            of the answer.
        probes: The `Wait` of each readiness probe beside the clients.
        retries: The outcomes of the requests that repeat a failed one; a request with another status has failed, too.
    """

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    answers: Counter[tuple[int, bytes]] = field(default_factory=Counter)
    worst_seconds: float = 0
    probes: list[Wait] = field(default_factory=list)
    retries: Counter[Outcome] = field(default_factory=Counter)

    def sent(self):
        """Return the number of requests that were sent."""
        return self.outcomes.total() - self.outcomes[Outcome.NOT_CONNECTED]

    def add(self, other):
        """Add the results of other clients."""
        self.outcomes += other.outcomes
        self.answers += other.answers
        self.worst_seconds = max(self.worst_seconds, other.worst_seconds)
        self.probes += other.probes
        self.retries += other.retries


class Answer(NamedTuple):
    """An answer.

    Args:
        status: Its status.
        body: Its body.
        closes: True if it announces the end of the connection.
    """

    status: int
    body: bytes
    closes: bool


class Client:
    """A client that sends the same request repeatedly.

    Args:
        address: The server's host and port.
        request: The index and the bytes of the request.
        max_pause: The longest pause between an answer and the next request, in seconds; pauses are random.
        keeps: True if the client keeps its connection; the request of another client must say `Connection: close`.
    """

    def __init__(self, address, request, *, max_pause=0.0, keeps=True):
        self.tally = Tally()
        self._address, (self._index, self._request) = address, request
        self._max_pause, self._keeps = max_pause, keeps
        self._random = np.random.default_rng()
        self._kept: socket.socket | None = None  # the connection for the next request

    async def run(self, is_stopped):
        """Send requests until the client is stopped or cannot connect.

        Args:
            is_stopped: Function that returns True after the last request.
        """
        outcome = None
        try:
            while not is_stopped() and outcome is not Outcome.NOT_CONNECTED:
                start, is_retry = time.perf_counter(), outcome not in {None, Outcome.ANSWERED}
                outcome = await self._send()
                self.tally.outcomes[outcome] += 1
                self.tally.retries[outcome] += is_retry
                if outcome in {Outcome.ANSWERED, Outcome.OTHER_STATUS}:
                    self.tally.worst_seconds = max(self.tally.worst_seconds, time.perf_counter() - start)
                await asyncio.sleep(self._random.uniform(0, self._max_pause))
        finally:
            self._replace_kept(None)

    async def _send(self):
        """Send one request, on a new connection if there is none or the server has closed it; return the outcome."""
        connection = self._kept
        if is_new := connection is None or is_closed(connection):
            self._replace_kept(connection := socket.socket())
            connection.settimeout(0)  # does not block
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    await asyncio.get_running_loop().sock_connect(connection, self._address)
            except (ConnectionRefusedError, TimeoutError):
                return Outcome.NOT_CONNECTED
            except ConnectionError:
                self._replace_kept(None)
                return Outcome.LOST_NEW
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                answer = await exchange(connection, self._request)
        except (ConnectionError, EOFError, TimeoutError):
            self._replace_kept(None)
            return Outcome.LOST_NEW if is_new else Outcome.LOST_KEPT
        if answer.closes or not self._keeps:
            self._replace_kept(None)
        if answer.status != 200:
            return Outcome.OTHER_STATUS
        self.tally.answers[self._index, answer.body] += 1
        return Outcome.ANSWERED

    def _replace_kept(self, connection):
        if self._kept is not None:
            self._kept.close()
        self._kept = connection


def is_closed(connection):
    """Return True if the server has ended a connection on which it has answered all requests."""
    with suppress(ConnectionError):
        try:
            connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:  # nothing has arrived, not even the end
            return False
    return True


async def exchange(connection, request):
    """Send a request, and receive the whole answer.

    Args:
        connection: A connected socket that does not block.
        request: The bytes of the request.
    Returns:
        The `Answer`.
    Raises:
        EOFError: The connection ended before the end of the answer.
        ConnectionError: The server reset the connection.
    """
    loop, received = asyncio.get_running_loop(), b""
    with suppress(ConnectionError):  # the server may have answered early
        await loop.sock_sendall(connection, request)
    while True:
        piece = await loop.sock_recv(connection, RECEIVED_BYTES)
        received += piece
        head, end, body = received.partition(b"\r\n\r\n")
        lengths = CONTENT_LENGTH.findall(head)
        # An answer without a length ends with the connection.
        if end and (len(body) >= int(lengths[0]) if lengths else not piece):
            return Answer(int(head.split(maxsplit=2)[1]), body, CLOSES.search(head + b"\r") is not None)
        if not piece:
            raise EOFError


@contextmanager
def continuous_clients(address, kept_requests, closing_requests, probe):
    """Run clients until the end of the `with` block; those that cannot connect end earlier.

    Half of them keep their connection, and half of these pause between two requests. The others open a connection for
    each request. A probe is sent on a new connection at regular intervals.

    Args:
        address: The server's host and port.
        kept_requests: The bytes of requests; each client repeats one of them.
        closing_requests: The same requests with `Connection: close`.
        probe: The bytes of a readiness probe.
    Yields:
        The `Tally`, which is empty until the end of the block.
    """
    tally = Tally()
    with client_process(_run_clients, address, kept_requests, closing_requests, probe) as results:
        yield tally
    for part in results:
        tally.add(part)


async def _run_clients(pipe, address, kept_requests, closing_requests, probe):
    """Start all clients, tell that they run, and wait until they are stopped."""
    stopped, probes = asyncio.Event(), Tally()
    asyncio.get_running_loop().add_reader(pipe.fileno(), stopped.set)
    kept, closing = list(enumerate(kept_requests)), list(enumerate(closing_requests))
    clients = [
        *(Client(address, kept[number % len(kept)]) for number in range(BUSY_CLIENTS)),
        *(Client(address, kept[number % len(kept)], max_pause=MAX_PAUSE_SECONDS) for number in range(IDLE_CLIENTS)),
        *(Client(address, closing[number % len(closing)], keeps=False) for number in range(NEW_CLIENTS)),
    ]
    async with asyncio.TaskGroup() as tasks:
        for client in clients:
            tasks.create_task(client.run(stopped.is_set))
        tasks.create_task(start_repeatedly(stopped.is_set, PROBE_INTERVAL_SECONDS, address, probe, probes.probes))
        pipe.send("ready")
    return [probes, *(client.tally for client in clients)]
