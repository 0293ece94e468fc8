"""The clients of the soak test tally every outcome and hide no delay."""

import asyncio
import socket
import socketserver
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.soak import client, clients
from benchmarks.soak.client import Client
from benchmarks.soak.requests import SHARES, Request
from tests.e2e.server import poll_until
from tests.soak_requests import FIRST, GET, SECOND, SEVEN, STOPPING

SEVEN_ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"digit":7}'


class AnswersInTurn(socketserver.StreamRequestHandler):
    """Gives the answers of the server in turn; an incomplete answer closes the connection."""

    server: "AnsweringServer"

    def handle(self):
        self.server.heads.append(heads := [])
        lines = iter(self.rfile.readline, b"")
        with suppress(OSError):  # the client has closed the connection
            while head := b"".join(self.lines_of_a_head(lines)):
                heads.append(head)
                time.sleep(self.server.delay)  # the service time, which the measured latencies contain
                answer = self.server.answers.pop(0) if self.server.answers else SEVEN_ANSWER
                self.wfile.write(answer)
                if not answer.endswith(b"}"):
                    return

    def lines_of_a_head(self, lines):
        for line in lines:
            yield line
            if line == b"\r\n":
                return


class AnsweringServer(socketserver.ThreadingTCPServer):
    """A server that runs during a `with` block; it lists the heads of the requests on each connection."""

    daemon_threads = True
    heads: list[list[bytes]]

    def __init__(self, *answers, delay=0.0):
        super().__init__(("127.0.0.1", 0), AnswersInTurn)
        self.answers, self.delay, self.heads = list(answers), delay, []
        threading.Thread(target=self.serve_forever, args=(0.005,)).start()

    def __exit__(self, *error):
        self.shutdown()
        super().__exit__(*error)


def tally_of(requests, *answers, state=FIRST, is_new=False, address=None):
    """Send requests with one client to a server that gives the answers; return the tally and the received heads."""

    async def send(server):
        all_clients = clients.Clients(address or server.server_address, {})
        all_clients.state = state
        sender = Client(address or server.server_address)
        for request in requests:
            await all_clients.send(sender, time.monotonic(), request, is_new)
            await asyncio.sleep(0.005)  # the server closes the connection meanwhile
        sender.close()
        await asyncio.sleep(0)
        return all_clients.take_tally()

    with AnsweringServer(*answers) as server:
        return asyncio.run(send(server)), server.heads


def test_outcomes_are_tallied_and_a_lost_connection_is_replaced():
    wrong = SEVEN_ANSWER.replace(b"7", b"9")
    tally, heads = tally_of([SEVEN] * 5, SEVEN_ANSWER, wrong, b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{", b"")
    assert (tally.requests, len(tally.milliseconds)) == (5, 3)
    assert tally.unexpected == {"single prediction: wrong digit": 1}
    assert [(loss.kind, loss.reason) for loss in tally.losses] == [("single prediction", "IncompleteReadError")] * 2
    assert [len(requests) for requests in heads] == [3, 1, 1]


def test_a_connection_is_not_used_again_if_its_answer_says_close():
    closing_answer = SEVEN_ANSWER.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    tally, heads = tally_of([SEVEN] * 3, SEVEN_ANSWER, closing_answer)
    assert (tally.requests, len(tally.milliseconds), tally.losses) == (3, 3, [])
    assert [len(requests) for requests in heads] == [2, 1]


def test_a_connection_that_the_server_has_closed_is_replaced_before_the_next_request():
    closing_answer = SEVEN_ANSWER.replace(b"11", b"12") + b"\n"
    tally, heads = tally_of([SEVEN] * 3, SEVEN_ANSWER, closing_answer)
    assert (tally.requests, len(tally.milliseconds), tally.losses) == (3, 3, [])
    assert [len(requests) for requests in heads] == [2, 1]


def test_a_connection_is_kept_for_some_requests_only(monkeypatch):
    monkeypatch.setattr(client, "REQUESTS_PER_CONNECTION", 2)
    tally, heads = tally_of([SEVEN] * 5)
    assert len(tally.milliseconds) == 5
    assert [len(requests) for requests in heads] == [2, 2, 1]


def test_a_lost_answer_is_a_loss_also_during_the_stop():
    tally, _ = tally_of([SEVEN], b"", state=STOPPING)
    assert (tally.requests, tally.not_connected, len(tally.losses)) == (1, 0, 1)


def test_a_client_whose_server_has_ended_finds_no_connection():
    def send():
        asyncio.run(all_clients.send(sender, time.monotonic(), SEVEN, is_new=True))

    with AnsweringServer() as server:
        all_clients, sender = clients.Clients(server.server_address, {}), Client(server.server_address)
        send()
    send()
    tally = all_clients.take_tally()
    assert (tally.unexpected, tally.losses) == ({"no connection, ConnectionRefusedError": 1}, [])


@pytest.mark.parametrize("digit", [7, 8])
def test_an_answer_may_come_from_a_network_of_the_time_when_its_request_was_sent_or_answered(digit):
    async def send(server):
        all_clients, sender = clients.Clients(server.server_address, {}), Client(server.server_address)
        exchange = asyncio.create_task(all_clients.send(sender, time.monotonic(), SEVEN, is_new=True))
        await asyncio.sleep(0.01)
        all_clients.state = SECOND
        await exchange
        return all_clients.take_tally()

    with AnsweringServer(SEVEN_ANSWER.replace(b"7", b"%d" % digit), delay=0.02) as server:
        assert asyncio.run(send(server)).unexpected == {}


def test_a_request_on_a_connection_of_its_own_asks_to_close_it():
    tally, heads = tally_of([SEVEN] * 2, is_new=True)
    assert len(tally.milliseconds) == 2
    assert [len(requests) for requests in heads] == [1, 1]
    assert all(head.startswith(b"POST / HTTP/1.1\r\nConnection: close\r\n") for (head,) in heads)


def test_an_aborted_request_counts_without_a_latency():
    tally, heads = tally_of([SEVEN._replace(status=None, data=GET[:-2])])
    assert (tally.requests, len(tally.milliseconds), tally.losses, tally.unexpected) == (1, 0, [], {})
    assert heads == [[GET[:-2]]]


def test_a_closed_port_is_expected_only_during_the_stop(unused_address):
    tally, _ = tally_of([SEVEN], address=unused_address)
    assert (tally.requests, tally.not_connected) == (1, 0)
    assert tally.unexpected == {"no connection, ConnectionRefusedError": 1}
    tally, _ = tally_of([SEVEN], address=unused_address, state=STOPPING)
    assert (tally.requests, tally.not_connected, tally.unexpected) == (0, 1, {})


@pytest.fixture
def unused_address():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()


def test_clients_report_their_loads_and_count_latency_from_the_planned_time(monkeypatch):
    monkeypatch.setattr(clients, "CLIENTS", 1)
    monkeypatch.setattr(clients, "WARM_UP_SECONDS", 0.1)
    monkeypatch.setattr(clients, "CLOSED_LOOP_SECONDS", 0.1)
    pipe, pipe_of_clients = clients.SPAWN.Pipe()

    def drive():
        closed_loop, rate = pipe.recv()
        pipe.send((time.monotonic(), 100.0, 0.3))
        first_period = pipe.recv()
        pipe.send(SECOND)
        second_period = pipe.recv()
        pipe.send(None)
        return closed_loop, rate, first_period, second_period, pipe.recv()

    async def run():
        driver = asyncio.create_task(asyncio.to_thread(drive))
        await clients.Clients(server.server_address, {kind: [SEVEN] for kind in SHARES}).run(pipe_of_clients)
        return await driver

    with AnsweringServer(delay=0.02) as server, closing(pipe), closing(pipe_of_clients):
        closed_loop, rate, first, second, last = asyncio.run(run())
    assert closed_loop.requests == len(closed_loop.milliseconds) > 0.1 * rate  # the tally includes the warm-up
    # One client with 20 ms for each request serves half of the 100 requests a second, so the others wait ever longer.
    assert 0 < rate < 50
    assert max(first.milliseconds) > 100
    assert max(second.milliseconds) > max(first.milliseconds) + 50
    assert first.unexpected == {}
    assert second.unexpected["single prediction: the other network"] > 1
    assert last.requests == len(last.milliseconds)


@pytest.mark.parametrize(
    ("patience", "delay", "unexpected"), [(0.02, 1.0, {"no answer at the end": 1}), (10.0, 0.05, {})]
)
def test_the_load_ends_after_the_last_answer_or_after_a_while(patience, delay, unexpected, monkeypatch):
    monkeypatch.setattr(clients, "CLIENTS", 1)
    monkeypatch.setattr(clients, "LAST_ANSWERS_SECONDS", patience)
    end = SimpleNamespace(recv=lambda: None)

    async def run(server):
        load = clients.Clients(server.server_address, {kind: [SEVEN] for kind in SHARES})
        task = asyncio.create_task(load.run_open_loop(time.monotonic(), 1000.0))
        await asyncio.to_thread(poll_until, lambda: any(server.heads))
        load.receive_state(end)
        await task
        return load.take_tally()

    with AnsweringServer(delay=delay) as server:
        assert asyncio.run(run(server)).unexpected == unexpected


def test_the_mix_has_its_shares_and_takes_the_requests_of_a_kind_in_turns():
    requests = {kind: [Request(kind, b"1"), Request(kind, b"2")] for kind in SHARES}
    mix = clients.mix(requests, np.random.default_rng(0))
    sent = [next(mix) for _ in range(5000)]
    counts = Counter(request.kind for request, _ in sent)
    assert {kind: round(counts[kind] / 5000, 1) for kind in SHARES} == {k: round(s, 1) for k, s in SHARES.items()}
    assert set(counts) == set(SHARES)
    assert sum(is_new for _, is_new in sent) / 5000 == pytest.approx(clients.NEW_CONNECTION_SHARE, rel=0.3)
    singles = [request.data for request, _ in sent if request.kind == "single prediction"]
    assert singles[:4] == [b"1", b"2", b"1", b"2"]
