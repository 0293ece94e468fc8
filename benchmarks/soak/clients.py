"""All clients, in a process of their own: first in a closed loop, then at planned times."""

import asyncio
import multiprocessing
import selectors
import time
from contextlib import closing, contextmanager
from itertools import cycle

import numpy as np

from benchmarks.soak.answers import Loss, State, Tally, judge
from benchmarks.soak.client import Client
from benchmarks.soak.requests import SHARES, Request

SPAWN = multiprocessing.get_context("spawn")
CLIENTS = 64
NEW_CONNECTION_SHARE = 0.05  # of the requests, besides aborted ones, which are all on new connections
WARM_UP_SECONDS, CLOSED_LOOP_SECONDS = 2, 8
TIMEOUT_SECONDS = 20
LAST_ANSWERS_SECONDS = 5  # after the end, for requests that are sent already
SEED = 0
BLOCK = 1024  # random numbers that are drawn at once


@contextmanager
def clients_process(address, requests):
    """Run the clients in a process until the end of the `with` block.

    Args:
        address: The server's host and port.
        requests: The requests of each kind, by kind.
    Yields:
        A pipe. It receives the `Tally` of the closed loop and its requests a second. Then it takes the start, the
        requests a second and the seconds of a period, and receives the `Tally` of each period. Meanwhile it takes each
        new `State`. None ends the load; the last `Tally` follows.
    """
    pipe, pipe_of_process = SPAWN.Pipe()
    process = SPAWN.Process(target=_run, args=(pipe_of_process, address, requests), daemon=True)
    with closing(pipe):
        process.start()
        pipe_of_process.close()  # without this copy of it, `recv` fails if the process dies
        try:
            yield pipe
        finally:
            process.terminate()
            process.join()


def _run(pipe, address, requests):
    """Run the clients in their process."""
    with asyncio.Runner(loop_factory=_precise_loop) as runner:
        runner.run(Clients(address, requests).run(pipe))


def _precise_loop():
    """Create an event loop whose timers are precise; epoll rounds up to milliseconds, and so does uvloop."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


class Clients:
    """Clients that send requests in a random order.

    Args:
        address: The server's host and port.
        requests: The requests of each kind, by kind.

    Attributes:
        state: What the service may do now.
    """

    def __init__(self, address, requests):
        self._clients = [Client(address) for _ in range(CLIENTS)]
        self.state, self._tally = State(), Tally()
        self._random = np.random.default_rng(SEED)
        self._next_requests = mix(requests, self._random)
        self._is_ended = asyncio.Event()

    async def run(self, pipe):
        """Send both loads.

        Args:
            pipe: The pipe to the process that measures.
        """
        await self.run_closed_loop(WARM_UP_SECONDS)
        warm_up_requests = self._tally.requests
        seconds = await self.run_closed_loop(CLOSED_LOOP_SECONDS)
        tally = self.take_tally()
        pipe.send((tally, (tally.requests - warm_up_requests) / seconds))
        start, rate, period = pipe.recv()
        asyncio.get_running_loop().add_reader(pipe.fileno(), self.receive_state, pipe)
        reports = asyncio.create_task(self._report(pipe, start, period))
        await self.run_open_loop(start, rate)
        reports.cancel()
        pipe.send(self.take_tally())

    async def run_closed_loop(self, seconds):
        """Send the next request as soon as a client has its answer.

        Args:
            seconds: The duration.
        Returns:
            The seconds until the last answer.
        """
        start = time.monotonic()

        async def send_repeatedly(client):
            while (now := time.monotonic()) < start + seconds:
                await self.send(client, now, *next(self._next_requests))

        await asyncio.gather(*map(send_repeatedly, self._clients))
        return time.monotonic() - start

    async def run_open_loop(self, start, rate):
        """Send requests at planned times, which are a Poisson process, until the end.

        A request waits if no client is free. Its latency counts from the planned time.

        Args:
            start: The first planned time, in seconds of `time.monotonic`.
            rate: The requests a second.
        """
        queue: asyncio.Queue[tuple[float, Request, bool] | None] = asyncio.Queue()

        async def send_queued(client):
            while (planned_request := await queue.get()) is not None:
                await self.send(client, *planned_request)

        tasks = [asyncio.create_task(send_queued(client)) for client in self._clients]
        planner = asyncio.create_task(self._plan(queue, start, rate))
        await self._is_ended.wait()
        planner.cancel()
        while not queue.empty():
            queue.get_nowait()
        for _ in tasks:
            queue.put_nowait(None)
        await asyncio.wait(tasks, timeout=LAST_ANSWERS_SECONDS)
        for client, task in zip(self._clients, tasks, strict=True):
            if task.done():
                task.result()  # raises the error of a client that has failed
            elif client.has_connection:
                self._tally.unexpected["no answer at the end"] += 1
            task.cancel()
            client.close()

    async def send(self, client, planned, request, is_new):
        """Send a request, judge its answer, and tally the outcome.

        Args:
            client: The `Client` that sends it.
            planned: The planned time, in seconds of `time.monotonic`.
            request: The request.
            is_new: True for a request on a connection of its own.
        """
        state, answer, error = self.state, None, None
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                answer = await client.send(request, is_new=is_new)
        except (OSError, EOFError, ValueError) as caught:  # a TimeoutError is an OSError
            error = type(caught).__name__
        now, tally, state = time.monotonic(), self._tally, self.state.merge(state)
        if error and not client.has_connection and state.is_stopping:
            tally.not_connected += 1
            return
        tally.requests += 1
        if error and client.has_connection:
            tally.losses.append(Loss(request.kind, error, now))
        elif error:
            tally.unexpected[f"no connection, {error}"] += 1
        elif answer is not None:
            tally.milliseconds.append((now - planned) * 1000)
            if unexpected := judge(request, answer, state):
                tally.unexpected[unexpected] += 1

    def take_tally(self):
        """Begin another tally.

        Returns:
            The `Tally` until now.
        """
        tally, self._tally = self._tally, Tally()
        return tally

    def receive_state(self, pipe):
        """Receive a state, or None for the end; the end has also come if the other process has died.

        Args:
            pipe: The pipe to the process that measures.
        """
        try:
            state = pipe.recv()
        except EOFError:
            state = None
        if state is None:
            self._is_ended.set()
        else:
            self.state = state

    async def _plan(self, queue, start, rate):
        """Put each request into the queue at its planned time."""
        planned = start
        while True:
            for gap in self._random.exponential(1 / rate, BLOCK).tolist():
                planned += gap
                if (wait := planned - time.monotonic()) > 0:
                    await asyncio.sleep(wait)
                queue.put_nowait((planned, *next(self._next_requests)))

    async def _report(self, pipe, start, period):
        """Send the tally of each period."""
        while True:
            start += period
            await asyncio.sleep(start - time.monotonic())
            await asyncio.to_thread(pipe.send, self.take_tally())  # the clients do not wait for the other process


def mix(requests, random):
    """Mix requests in a random order.

    Args:
        requests: The requests of each kind, by kind; those of a kind take turns.
        random: The generator of random numbers.
    Yields:
        Each request, with True if it is sent on a new connection.
    """
    turns = {kind: cycle(requests[kind]) for kind in SHARES}
    while True:
        kinds = random.choice(list(SHARES), BLOCK, p=list(SHARES.values()))
        for kind, is_new in zip(kinds.tolist(), (random.random(BLOCK) < NEW_CONNECTION_SHARE).tolist(), strict=True):
            yield next(turns[kind]), is_new
