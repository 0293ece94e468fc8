"""The continuous clients of the fault benchmark count the outcome of every request."""

import asyncio
import socket
import socketserver
import struct
import threading
import time
from collections import Counter

import pytest

from benchmarks.faults import continuous_clients, requests
from benchmarks.faults.continuous_clients import Outcome
from benchmarks.serving import process
from tests.e2e.server import poll_until
from tests.fault_answers import COMPLETE, EXAMPLE_WAITS, AnsweringServer

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # lingers for 0 s, socket(7)


class ActsInTurn(socketserver.BaseRequestHandler):
    """Reacts to each request with the next action of the server; several letters are several steps.

    `a`: answers. `c`: announces the end of the connection and answers. `u`: answers with a 503. `h`: sends half an
    answer. `w`: answers without a length. `e`: ends the connection. `r`: resets it. `s`: says nothing.
    """

    server: "ActingServer"

    def handle(self):
        self.server.connections.append(self.client_address)
        while b"\r\n\r\n" in self.request.recv(1000):
            for step in (action := next(self.server.actions)):
                self.take(step)
            self.server.taken.append(action)
            if set(action) & set("er"):
                return

    def take(self, step):
        """Take one step of an action."""
        half, rest = ANSWER + b"\r\n[", b"]"
        answers = {
            "a": half + rest,
            "c": ANSWER + b"connection: close\r\n\r\n[]",
            "h": half,
            "u": half.replace(b"200", b"503") + rest,
            "w": b"HTTP/1.1 200 OK\r\n\r\n[]",
        }
        if step in answers:
            self.request.sendall(answers[step])
        elif step == "r":
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        if step in "er":
            self.request.close()


class ActingServer(socketserver.ThreadingTCPServer):
    """A server that runs during a `with` block. It lists its connections and the actions that it has taken."""

    daemon_threads = True

    def __init__(self, *actions):
        super().__init__(("127.0.0.1", 0), ActsInTurn)
        self.actions, self.taken, self.connections = iter(actions), [], []
        threading.Thread(target=self.serve_forever, args=(0.01,)).start()

    def __exit__(self, *error):
        self.shutdown()
        super().__exit__(*error)


def run_client(actions, **options):
    """Send a request for each action of a server; return the outcomes and the number of connections."""
    with ActingServer(*actions) as server:
        client = continuous_clients.Client(server.server_address, (0, b"GET / HTTP/1.1\r\n\r\n"), **options)

        def is_stopped():
            poll_until(
                lambda: len(server.taken) == client.tally.outcomes.total()
            )  # the connection may end after an answer
            return len(server.taken) == len(actions)

        asyncio.run(client.run(is_stopped))
        assert client.tally.answers.total() == client.tally.outcomes[Outcome.ANSWERED]
        assert {body for _, body in client.tally.answers} <= {b"[]"}
        return list(client.tally.outcomes.elements()), len(server.connections)


@pytest.mark.parametrize(
    ("actions", "outcomes", "connections"),
    [
        (["a", "a"], [Outcome.ANSWERED] * 2, 1),
        (["ce", "a"], [Outcome.ANSWERED] * 2, 2),
        (["c", "a"], [Outcome.ANSWERED] * 2, 2),  # the client does not send on a connection that is about to close
        (["ae", "a"], [Outcome.ANSWERED] * 2, 2),
        (["ar", "a"], [Outcome.ANSWERED] * 2, 2),
        (["we", "a"], [Outcome.ANSWERED] * 2, 2),
        (["u", "a"], [Outcome.OTHER_STATUS, Outcome.ANSWERED], 1),
        (["e", "a"], [Outcome.LOST_NEW, Outcome.ANSWERED], 2),
        (["r", "he"], [Outcome.LOST_NEW] * 2, 2),
        (["a", "e"], [Outcome.ANSWERED, Outcome.LOST_KEPT], 1),
        (["a", "r"], [Outcome.ANSWERED, Outcome.LOST_KEPT], 1),
        (["a", "he", "e"], [Outcome.ANSWERED, Outcome.LOST_KEPT, Outcome.LOST_NEW], 2),
    ],
)
def test_a_client_counts_the_outcome_of_each_request(actions, outcomes, connections):
    assert run_client(actions) == (outcomes, connections)


def test_a_client_without_a_kept_connection_opens_one_for_each_request():
    assert run_client(["a", "a", "e"], keeps=False) == ([Outcome.ANSWERED] * 2 + [Outcome.LOST_NEW], 3)


def test_a_request_that_follows_a_failed_one_is_a_retry():
    actions = ["a", "e", "u", "he", "a", "a", "u", "a"]
    with ActingServer(*actions) as server:
        client = continuous_clients.Client(server.server_address, (0, b"GET / HTTP/1.1\r\n\r\n"))
        asyncio.run(client.run(lambda: client.tally.outcomes.total() == len(actions)))
    assert client.tally.retries == {Outcome.OTHER_STATUS: 1, Outcome.LOST_KEPT: 1, Outcome.ANSWERED: 2}


def test_a_request_whose_answer_does_not_arrive_in_time_is_lost(monkeypatch):
    monkeypatch.setattr(continuous_clients, "TIMEOUT_SECONDS", 0.1)
    assert run_client(["a", "h", "w", "s"]) == ([Outcome.ANSWERED, Outcome.LOST_KEPT] + [Outcome.LOST_NEW] * 2, 3)


def test_a_client_tells_its_longest_wait_and_pauses(monkeypatch):
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    times = iter([0, 1, 10, 13, 20, 22])
    monkeypatch.setattr(time, "perf_counter", lambda: next(times))
    with ActingServer("a", "u", "a") as server:
        client = continuous_clients.Client(server.server_address, (7, b"GET / HTTP/1.1\r\n\r\n"), max_pause=0.5)
        asyncio.run(client.run(lambda: client.tally.outcomes.total() == 3))
    assert client.tally.worst_seconds == 3
    assert client.tally.answers == {(7, b"[]"): 2}
    assert len(set(pauses)) == 3
    assert 0 < min(pauses) < max(pauses) < 0.5


def test_a_client_that_cannot_connect_ends_and_has_lost_nothing():
    client = continuous_clients.Client(("127.0.0.1", process.free_port()), (0, b""))
    asyncio.run(client.run(lambda: False))
    assert client.tally.outcomes == {Outcome.NOT_CONNECTED: 1}
    assert client.tally.sent() == 0


def test_a_request_in_the_queue_of_a_closed_listener_is_lost_but_a_dropped_connection_is_not():
    async def run(listener):
        address = listener.getsockname()
        clients = [continuous_clients.Client(address, (0, b"GET / HTTP/1.1\r\n\r\n")) for _ in range(2)]
        queued = asyncio.create_task(clients[0].run(lambda: False))
        await asyncio.sleep(0.05)
        dropped = asyncio.create_task(clients[1].run(lambda: False))  # connects again after a second
        await asyncio.sleep(0.05)
        listener.close()
        await asyncio.gather(queued, dropped)
        return [client.tally.outcomes for client in clients]

    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:  # its queue has one place
        queued, dropped = asyncio.run(run(listener))
    assert queued == {Outcome.LOST_NEW: 1, Outcome.NOT_CONNECTED: 1}
    assert dropped == {Outcome.NOT_CONNECTED: 1}


def test_continuous_clients_send_all_requests_and_count_every_answer():
    kept = [COMPLETE, COMPLETE.replace(b"\0", b"1")]
    with AnsweringServer(200) as server:
        clients = continuous_clients.continuous_clients(server.server_address, kept, kept, requests.probe("/readyz"))
        with clients as tally:
            poll_until(lambda: len(server.given) >= 300)
        assert tally.outcomes == {Outcome.ANSWERED: tally.sent()}
        assert tally.sent() + len(tally.probes) == len(server.given)
        kept_connections = continuous_clients.BUSY_CLIENTS + continuous_clients.IDLE_CLIENTS
        new_connections = len(server.connections) - kept_connections - len(tally.probes)
        assert continuous_clients.NEW_CLIENTS < new_connections < tally.sent() - kept_connections
    assert tally.answers.total() == tally.sent()
    assert set(tally.answers) == {(0, bytes(1000)), (1, b"1" * 1000)}
    assert {probe.status for probe in tally.probes} == {200}


def test_tallies_of_several_clients_add_up():
    total = continuous_clients.Tally()
    for outcome, seconds in [(Outcome.ANSWERED, 2), (Outcome.LOST_NEW, 3), (Outcome.NOT_CONNECTED, 1)]:
        retries = Counter({outcome: 4})
        total.add(continuous_clients.Tally(Counter([outcome]), Counter({(0, b""): 2}), seconds, EXAMPLE_WAITS, retries))
    outcomes = Counter([Outcome.ANSWERED, Outcome.LOST_NEW, Outcome.NOT_CONNECTED])
    retries = Counter(dict.fromkeys(outcomes, 4))
    assert total == continuous_clients.Tally(outcomes, Counter({(0, b""): 6}), 3, EXAMPLE_WAITS * 3, retries)
    assert total.sent() == 2
