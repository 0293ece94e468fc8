"""A load generator with an open loop: each request has a planned time, and its latency counts from that time.

A closed loop waits for an answer before it sends the next request, so it sends fewer requests to a slow server and
hides the waits. Here, requests arrive at random as those of many independent users do (a Poisson process).
"""

import gc
import select
import socket
import time
from collections import deque
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np

SECONDS_WITHOUT_EVENT = 20  # a server that neither reads nor answers for so long has failed
PIECE = 256 * 1024  # bytes that are received at once
OK = b"HTTP/1.1 200 "
HEAD_END, LENGTH = b"\r\n\r\n", b"content-length: "
READABLE, WRITABLE = select.EPOLLIN, select.EPOLLIN | select.EPOLLOUT


class Sent(NamedTuple):
    """The result of a load.

    Args:
        latencies: The seconds from the planned time of each request to the end of its answer, in the planned order.
        seconds: The time from the start to the last answer.
        cpu_seconds: The CPU time of this process meanwhile.
    """

    latencies: np.ndarray
    seconds: float
    cpu_seconds: float


class Connection:
    """A connection that carries one request at a time.

    Args:
        address: The server's host and port.
    """

    def __init__(self, address):
        self.socket = socket.create_connection(address)
        self.socket.settimeout(0)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = -1  # of the request that is in progress
        self.unsent = memoryview(b"")
        self._head, self._missing = b"", -1

    def send(self):
        """Send the rest of the request.

        Returns:
            True if nothing is left.
        """
        try:
            self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except BlockingIOError:
            return False
        return not self.unsent

    def receive(self):
        """Receive a part of the answer.

        Returns:
            True if the answer is complete.
        Raises:
            RuntimeError: The answer has another status than 200, or the server closed the connection.
        """
        data = self.socket.recv(PIECE)
        if not data:
            raise RuntimeError("the server closed a connection")
        if self._missing < 0:
            data = self._head + data
            end = data.find(HEAD_END)
            if end < 0:
                self._head = data
                return False
            self._head = b""
            self._missing = body_length(data[:end]) + end + len(HEAD_END)
        self._missing -= len(data)
        if self._missing:
            return False
        self._missing = -1
        return True


def body_length(head):
    """Return the length of the body of an answer.

    Args:
        head: The head of the answer.
    Returns:
        The number of bytes.
    Raises:
        RuntimeError: The status is not 200.
    """
    lines = head.split(b"\r\n")
    if not head.startswith(OK):
        raise RuntimeError(f"the server answered {lines[0].decode()}")
    return int(next(line for line in lines if line.startswith(LENGTH)).removeprefix(LENGTH))


def random_times(rate, seconds, seed):
    """Plan requests at random times, as a Poisson process.

    The times of one seed have the same pattern at every rate, so two rates are compared under equal conditions.

    Args:
        rate: The mean number of requests a second.
        seconds: The duration; the number of requests is their product.
        seed: Seed of the random numbers.
    Returns:
        The times in seconds from the start, ascending.
    """
    gaps = np.random.default_rng(seed).exponential(1 / rate, max(1, round(rate * seconds)))
    return np.cumsum(gaps)


class Generator:
    """Sends one request repeatedly over connections that it keeps.

    Args:
        address: The server's host and port.
        request: The bytes of the request.
        connections: The number of connections.
        pause: The seconds between the openings of two connections.
    """

    def __init__(self, address, request, connections, pause=0.0):
        self._request = memoryview(request)
        self._stack = ExitStack()
        self._poller = self._stack.enter_context(select.epoll())
        self._by_descriptor = {}
        self._idle = []
        self._address = address
        self.open(connections, pause)

    def open(self, connections, pause=0.0):
        """Open further connections.

        Args:
            connections: Their number.
            pause: The seconds between the openings of two connections.
        """
        for _ in range(connections):
            time.sleep(pause)
            connection = Connection(self._address)
            self._stack.enter_context(connection.socket)
            self._by_descriptor[connection.socket.fileno()] = connection
            self._poller.register(connection.socket, READABLE)
            self._idle.append(connection)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._stack.close()

    def send(self, times, seed=0):
        """Send a request at each planned time, and wait for all answers.

        A request goes to a random idle connection. If all connections are busy, it waits for the next that is idle.

        Args:
            times: The planned times in seconds from the start, ascending. With zeros, the loop is closed: each
                connection sends its next request after its answer.
            seed: Seed of the choice of connections.
        Returns:
            The result.
        Raises:
            RuntimeError: An answer has another status than 200, or the server answers nothing for a long time.
        """
        choices = np.random.default_rng(seed).random(len(times)).tolist()
        planned, ends = times.tolist(), [0.0] * len(times)
        gc.disable()
        try:
            cpu, start = time.process_time(), time.perf_counter()
            self._run(start, planned, choices, ends)
            seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
        finally:
            gc.enable()
        return Sent(np.array(ends) - times, seconds, cpu_seconds)

    def _run(self, start, planned, choices, ends):
        """Send all requests and store the time of the end of each answer."""
        clock, idle = time.perf_counter, self._idle
        waiting: deque[int] = deque()  # numbers of the requests whose time has come
        following, unanswered, total = 0, len(planned), len(planned)
        while unanswered:
            now = clock() - start
            while following < total and planned[following] <= now:
                waiting.append(following)
                following += 1
            while waiting and idle:
                number = waiting.popleft()
                place = int(choices[number] * len(idle))
                connection, idle[place] = idle[place], idle[-1]
                idle.pop()
                self._begin(connection, number)
            pause = planned[following] - now if following < total and not (waiting and not idle) else None
            for connection in self._wait(pause):
                ends[connection.number] = clock() - start
                idle.append(connection)
                unanswered -= 1

    def _begin(self, connection, number):
        """Start a request on an idle connection."""
        connection.number, connection.unsent = number, self._request
        if not connection.send():
            self._poller.modify(connection.socket, WRITABLE)

    def _wait(self, pause):
        """Wait for events for some seconds, or without a limit for None; return the connections with an answer.

        epoll waits for whole milliseconds. select waits for microseconds, so it waits for the one descriptor of epoll.
        """
        if pause is None:
            if not select.select([self._poller], [], [], SECONDS_WITHOUT_EVENT)[0]:
                raise RuntimeError(f"the server answered nothing for {SECONDS_WITHOUT_EVENT} s")
        elif pause > 0 and not select.select([self._poller], [], [], pause)[0]:
            return []
        return [connection for connection in self._handle_events() if connection is not None]

    def _handle_events(self):
        """Handle all events; yield each connection whose answer is complete."""
        for descriptor, event in self._poller.poll(0):
            connection = self._by_descriptor[descriptor]
            if event & select.EPOLLOUT and connection.send():
                self._poller.modify(descriptor, READABLE)
            if event & ~select.EPOLLOUT and connection.receive():
                yield connection
