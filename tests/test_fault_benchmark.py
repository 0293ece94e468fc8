"""The benchmark of faults: its requests are what they claim to be, and its measurements and table are correct."""

import asyncio
import itertools
import json
import os
import re
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from types import SimpleNamespace

import numpy as np
import pytest

from app.settings import Settings
from benchmarks.faults import (
    attacks,
    continuous_clients,
    event_table,
    events,
    good_clients,
    hostile_files,
    loads,
    measure,
    report_figures,
    requests,
    service,
    table,
    weights_file,
)
from benchmarks.faults.__main__ import parse_options
from benchmarks.faults.continuous_clients import Outcome
from benchmarks.serving import probe, process, wrk
from benchmarks.serving.contenders import ROOT
from model import ArtefactError, Network, load_artefact
from tests.e2e.server import poll_until
from tests.machine import skip_without

COMPLETE = b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + bytes(1000)
EXAMPLE_WAITS = [good_clients.Wait(200, 0.001), good_clients.Wait(200, 0.5), good_clients.Wait(503, 0.002)]


class AnswersInTurn(socketserver.StreamRequestHandler):
    """Reads requests, and answers with the statuses in turn; 0 closes the connection without an answer, 503 after it.

    An answer repeats the body of its request.
    """

    server: "AnsweringServer"

    def handle(self):
        self.server.connections.append(self.client_address)
        with suppress(OSError):  # the client has closed the connection
            while head := b"\n".join(iter(lambda: self.rfile.readline().strip(), b"")):
                length = int(head.partition(b"Content-Length: ")[2].split()[0])
                body = self.rfile.read(length)
                if len(body) < length:
                    return
                self.server.given.append(status := next(self.server.statuses))
                if status:
                    closing = b"Connection: close\r\n" * (status == 503)
                    self.wfile.write(b"HTTP/1.1 %d \r\n%sContent-Length: %d\r\n\r\n" % (status, closing, length) + body)
                if status in {0, 503}:
                    return


class AnsweringServer(socketserver.ThreadingTCPServer):
    """A server that runs during a `with` block. It lists its connections and the statuses that it has given."""

    daemon_threads = True
    request_queue_size = 100  # the default is 5, and further connections would come a second later

    def __init__(self, *statuses):
        super().__init__(("127.0.0.1", 0), AnswersInTurn)
        self.statuses, self.given, self.connections = itertools.cycle(statuses), [], []
        threading.Thread(target=self.serve_forever, args=(0.01,)).start()

    def target(self):
        """Describe the server as the target of a load; the process of the test takes the place of the service's."""
        address = ("127.0.0.1", self.server_address[1])
        return loads.Target(
            "http://{}:{}".format(*address), address, process.ProcessTree(os.getpid()), np.zeros((1, 64), np.float32)
        )

    def __exit__(self, *error):
        self.shutdown()
        super().__exit__(*error)


def test_held_connections_tell_their_answer_and_whether_the_server_has_closed_them():
    with AnsweringServer(200, 503, 0) as server:
        connections = attacks.open_connections(server.server_address, 6, COMPLETE, 0.5)
        outcomes = Counter((connection.status, connection.closed_after is None) for connection in connections)
        assert outcomes == {(200, True): 2, (503, False): 2, (None, False): 2}
        incomplete = attacks.open_connections(server.server_address, 2, COMPLETE[:-1], 0.5)
    assert incomplete == [attacks.Connection(None, None)] * 2


@pytest.mark.parametrize("status", [200, 0])
def test_a_connection_that_never_reads_tells_whether_the_server_has_closed_it(status):
    with AnsweringServer(status) as server:
        (connection,) = attacks.open_connections(server.server_address, 1, COMPLETE, 0.5, reads=False)
        assert connection.status is None
        assert (connection.closed_after is None) is (status == 200)
        assert len(server.given) < 10_000  # the server waits for the client


def test_good_clients_wait_for_each_answer_and_keep_one_connection():
    with AnsweringServer(200) as server:
        with good_clients.good_clients(server.server_address, requests.probe(), COMPLETE) as waits:
            poll_until(lambda: len(server.given) >= 20)
        assert {wait.status for wait in itertools.chain(*waits)} == {200}
        assert sum(map(len, waits)) == len(server.given)
        assert len(waits.probes) + len(waits.new) + 1 == len(server.connections)
        assert min(map(len, waits)) > 1


def test_a_client_with_new_connections_does_not_wait_for_earlier_answers():
    waits: list[good_clients.Wait] = []

    async def run(server):
        arguments = (0.001, server.server_address, COMPLETE[:-1], waits)
        client = asyncio.create_task(good_clients.start_repeatedly(lambda: False, *arguments))
        await asyncio.to_thread(poll_until, lambda: len(server.connections) >= 3)
        client.cancel()

    with AnsweringServer() as server:
        asyncio.run(run(server))
    assert not waits


def test_good_clients_go_on_after_a_lost_answer():
    with AnsweringServer(0, 200) as server:
        with good_clients.good_clients(server.server_address, requests.probe(), COMPLETE) as waits:
            poll_until(lambda: len(server.given) >= 20)
        statuses = [wait.status for wait in itertools.chain(*waits)]
        assert (statuses.count(None), statuses.count(200)) == (server.given.count(0), server.given.count(200))
        assert len(waits.kept) > 1


def test_only_complete_requests_without_an_answer_are_lost(monkeypatch):
    monkeypatch.setattr(loads, "PATIENCE", 0.5)
    with AnsweringServer(0) as server:
        target = server.target()
        complete = loads.held("", 2, lambda _: COMPLETE, are_complete=True).send(target, 1)
        incomplete = loads.held("", 2, lambda _: COMPLETE[:-1]).send(target, 1)
    assert complete.answers == wrk.AnswerCounts(0, 0, 0, 2)
    assert complete.remark.startswith("2 closed, the last after ")
    assert incomplete == loads.Sent(2, wrk.AnswerCounts(0, 0, 0, 0), remark="none closed")


def test_each_hostile_file_is_sent_and_its_answer_is_counted(monkeypatch):
    monkeypatch.setattr(loads, "hostile_files", lambda: {"first": b"1", "second": b"2", "third": b"3"})
    with AnsweringServer(422, 200, 0) as server:
        target = server.target()
        sent = loads.send_files(target, 1)
        assert server.given == [422, 200, 0]
    assert (sent.requests, sent.answers) == (3, wrk.AnswerCounts(1, 0, 1, 1))


def test_peak_of_the_memory_counts_from_its_reset():
    code = "bytearray(b'x') * 10**8; input()"  # the large block is freed at once

    def freed_memory():
        return measure.memory_bytes(processes, "VmHWM") - measure.memory_bytes(processes, "VmRSS")

    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as child:
        try:
            processes = process.ProcessTree(child.pid)
            poll_until(lambda: freed_memory() > 50_000_000)
            measure.reset_peak_memory(processes)
            assert freed_memory() < 50_000_000
        finally:
            child.communicate(b"\n")


@skip_without("wrk")
def test_answers_of_a_load_are_counted_by_status():
    with AnsweringServer(200, 503, 422, 0) as server:
        answers, seconds = wrk.count_answers(wrk.Load("/", b"{}", {}, 2), server.target().url, 1)
        assert seconds > 0.5
        for count, status in zip(answers, (200, 503, 422, 0), strict=True):
            # Each of the two connections may have an unfinished request.
            assert 0 <= server.given.count(status) - count <= 2 < count


@skip_without("wrk")
def test_goodput_is_the_number_of_successful_answers_a_second():
    load = loads.repeated("", lambda _: wrk.Load("/", b"{}", {}, 1), connections=3, peak_connections=1)
    with AnsweringServer(200, 422) as server:
        sent = load.send(server.target(), 2)
        assert len(server.connections) >= 3
    assert sent.requests == sent.answers.ok + sent.answers.other
    assert 0 < sent.goodput < sent.answers.ok


def test_requests_of_the_faults_are_valid_until_they_are_cut(make_client, split):
    client, images = make_client(), split.training.pixels
    for load in (requests.batch_load(images), requests.tensor_load(images)):
        assert client.post(load.path, content=load.body, headers=load.headers).status_code == 200
    head, _, body = requests.long_batch(images).partition(b"\r\n\r\n")
    assert b"Content-Length: %d\r\n" % len(body) in head
    assert 1_200_000 < len(body) < Settings().max_body_bytes
    json_type = {"content-type": "application/json"}
    assert client.post("/predict/batch", content=body, headers=json_type).status_code == 200
    assert requests.single_image(images).startswith(requests.half_head(images))
    for request in (requests.half_body(images), requests.half_picture(images)):
        head, _, body = request.partition(b"\r\n\r\n")
        announced = int(head.partition(b"Content-Length: ")[2].split()[0])
        assert abs(announced - 2 * len(body)) <= 1


def test_hostile_files_have_the_format_of_their_name_and_fit_into_a_request():
    starts = {"PNG": b"\x89PNG", "JPEG": b"\xff\xd8", "BMP": b"BM", "WebP": b"RIFF"}
    files = hostile_files.hostile_files()
    for name, content in files.items():
        assert content.startswith(starts[name.split()[0]]), name
        assert len(content) <= Settings().max_picture_bytes, name
    assert len(set(files.values())) == len(files)


@pytest.mark.e2e
@skip_without("prlimit")
def test_a_load_is_measured_beside_good_clients(split, monkeypatch):
    monkeypatch.setattr(measure, "SETTLE_SECONDS", 0)
    load = loads.held("", 3, requests.long_batch, are_complete=True, environment={})
    measured = measure.measure(load, split.training.pixels, 5, ROOT)
    assert measured.sent.requests == 3
    assert measured.sent.answers == wrk.AnswerCounts(3, 0, 0, 0)
    assert measured.sent.remark.startswith("3 closed, the last after ")
    assert {wait.status for wait in itertools.chain(*measured.waits)} == {200}
    assert measured.peak_bytes > 10 * 2**20 < measured.bytes_afterwards


def test_fault_table_has_a_row_for_each_load():
    waits = good_clients.Waits([], EXAMPLE_WAITS[:2], [*EXAMPLE_WAITS, good_clients.Wait(None, 20.0)])
    answers = loads.count_statuses([200, 200, 503, 408, None])
    assert answers == wrk.AnswerCounts(2, 1, 1, 1)
    sent = loads.Sent(5, answers, goodput=30.0)
    lines = list(table.fault_table({"idle": measure.Measurement(sent, 40.0, waits, 200 * 2**20, 90 * 2**20)}))
    cells = "5 | 2 / 1 / 1 / 1 | 30/s, 75% | - | 250.5 / 500 | 2.0 / 500 (1 rejected, 1 lost of 4) | 200 → 90 | - |"
    assert lines[-1] == f"| {loads.LOADS['idle'].title} | {cells}"
    assert {line.count("|") for line in lines} == {10}


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
        asyncio.run(client.run(lambda: len(server.taken) == 3))
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
        total.add(continuous_clients.Tally(Counter([outcome]), Counter({(0, b""): 2}), seconds, EXAMPLE_WAITS))
    outcomes = Counter([Outcome.ANSWERED, Outcome.LOST_NEW, Outcome.NOT_CONNECTED])
    assert total == continuous_clients.Tally(outcomes, Counter({(0, b""): 6}), 3, EXAMPLE_WAITS * 3)
    assert total.sent() == 2


def test_a_file_of_weights_has_another_network_and_hash_each_time(tmp_path, split):
    weights = weights_file.WeightsFile(tmp_path / "digits.npz")
    images = split.training.pixels[:20]
    first = load_artefact(weights.path)
    weights.exchange()
    second = load_artefact(weights.path)
    weights.exchange()
    third = load_artefact(weights.path)
    assert weights.hashes == [first.sha256, second.sha256, third.sha256]
    assert len(set(weights.hashes)) == 3
    probabilities = [artefact.network.probabilities(images) for artefact in (first, second, third)]
    assert np.array_equal(probabilities[0], probabilities[2])
    assert abs(probabilities[0] - probabilities[1]).max(axis=1).min() > 10 * probe.TOLERANCE
    for name in ("W1", "W2", "W3"):
        mixture = Network(first.network.weights._replace(**{name: getattr(second.network.weights, name)}))
        differences = [abs(mixture.probabilities(images) - other).max() for other in probabilities]
        assert min(differences) > 10 * probe.TOLERANCE, name
    weights.damage()
    with pytest.raises(ArtefactError):
        load_artefact(weights.path)


def test_answers_are_counted_by_the_network_that_gives_them(tmp_path, split):
    networks, images = weights_file.WeightsFile(tmp_path / "digits.npz").networks, split.training.pixels[:2]

    def answer(network, image, **other):
        probabilities = networks[network].probabilities(images[image : image + 1])[0]
        return json.dumps({"digit": int(np.argmax(probabilities)), "probabilities": probabilities.tolist(), **other})

    answers = {
        (0, answer(0, 0).encode()): 5,
        (1, answer(0, 1).encode()): 4,
        (1, answer(1, 1).encode()): 3,
        (1, answer(0, 0).encode()): 1,  # to another request
        (0, answer(0, 0, digit=10).encode()): 1,
        (0, b"{}"): 1,
        (0, b"{"): 1,
    }
    assert weights_file.count_by_network(answers, images, networks) == {0: 9, 1: 3, None: 4}
    assert weights_file.count_by_network(answers, images, networks[:1]) == {0: 9, None: 7}


def service_report(workers, starts, made, predictions):
    return {"workers": workers, "worker_starts": starts, "requests": made, "predictions": predictions}


def test_figures_of_the_reports():
    reports = [(1, "a"), (2.5, "a"), (3, "b"), (9, "c"), (9.5, "b")]
    assert report_figures.longest_use(["a", "b", "c"], [2, 7], reports) == 2.5
    assert report_figures.longest_use(["a", "b"], [2], reports[2:4]) == 0
    assert report_figures.longest_use(["a", "b"], [9], reports[:1]) == 0
    counts = [service_report(*figures) for figures in [(2, 2, 5, [2, 1]), (1, 2, 5, [1, 2]), (2, 3, 4, [3, 2])]]
    assert report_figures.count_shrinks(counts) == 1
    assert report_figures.count_shrinks([*counts, service_report(2, 3, 4, [0, 4]), counts[0]]) == 3
    moments = [(moment, {"service": counts[moment]}) for moment in range(3)]
    assert report_figures.seconds_until_recovery(moments, 0.5, 2) == 1.5
    assert report_figures.seconds_until_recovery(moments, 0.5, 3) is None


@contextmanager
def running_python(code):
    """Run Python code that prints a line as soon as it is ready, and yield it as a service without an address."""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            port = int(child.stdout.readline())
            yield service.Service(f"http://127.0.0.1:{port}", process.ProcessTree(child.pid)), child
        finally:
            child.kill()


LISTEN = "import signal, socket, sys; listener = socket.create_server(('127.0.0.1', 0))\n"
PRINT_PORT = "print(listener.getsockname()[1], flush=True)\n"


def test_end_of_a_service_is_observed_and_its_status_is_left_to_its_parent():
    with running_python(LISTEN + PRINT_PORT + "listener.accept()[0].recv(1000); sys.exit(3)") as (observed, child):
        assert observed.exit_status() is None
        assert not observed.is_port_free()
        assert observed.report() is None
        poll_until(lambda: observed.exit_status() is not None)
        assert observed.exit_status() == 3
        assert observed.is_port_free()  # although the connection has just ended
        assert child.wait() == 3


@pytest.mark.parametrize(("number", "limit", "status"), [(signal.SIGTERM, 30, 0), (signal.SIGKILL, 0.1, -9)])
def test_the_end_of_a_service_is_the_end_of_its_last_process(number, limit, status):
    code = (
        "import subprocess; subprocess.Popen(['sleep', '0.3']); signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
    )
    with running_python(LISTEN + code + PRINT_PORT + "signal.pause()") as (observed, _):
        seconds = observed.stop_all(number, limit)
        assert observed.exit_status() == status
    assert seconds is None if limit < 0.3 else 0.1 < seconds < limit


def test_connections_of_a_killed_worker_are_counted():
    code = "accepted = [listener.accept() for _ in range(2)]; print(flush=True); signal.pause()"
    with running_python(LISTEN + PRINT_PORT + code) as (observed, child), ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(socket.create_connection(observed.address))
        assert child.stdout is not None
        child.stdout.readline()  # both are accepted
        assert observed.kill_worker(child.pid) == 2
        poll_until(lambda: observed.exit_status() == -signal.SIGKILL)


@pytest.mark.e2e
@skip_without("prlimit", "taskset")
def test_reloads_are_measured_under_load(split, monkeypatch):
    for name, value in {"LOAD_SECONDS": 0.5, "DRAIN": {"DIGITS_DRAIN_SECONDS": "0"}, "RELOADS": 1}.items():
        monkeypatch.setattr(events, name, value)
    measured = events.EVENTS["reload_one"].measure(events.Plan(ROOT, split.training.pixels, 1))
    assert measured.times == 1
    assert measured.wrong == 0
    assert measured.tally.sent() == measured.tally.outcomes[Outcome.ANSWERED] > 10
    assert re.match(r"2 of 2 files were in use, a replaced one for 0\.\d\d s at most; [1-9]", measured.remark)
    assert re.search(r"0 of [1-9]\d* probes of `/readyz` without a 200; workers replaced: 0$", measured.remark)


class ServiceOfStub:
    """A service whose reports are given. It lists the processes that were killed."""

    def __init__(self, *reports):
        self.killed, self._reports = [], iter(reports)

    def reports(self, _):
        return [(time.perf_counter() + 1, {"service": next(self._reports)})]

    def worker_pids(self):
        return [10 + len(self.killed), 20]

    def kill_worker(self, pid):
        self.killed.append(pid)
        return 7

    def stop_all(self, *_):
        return 1.5

    def exit_status(self):
        return 0


def replace_service(monkeypatch, stub, outcomes):
    """Make an event use a service of this test, beside which the clients have had these outcomes."""

    @contextmanager
    def service_under_load(*_):
        wrong_answer = Counter({(0, b"{}"): 1})
        yield stub, SimpleNamespace(networks=[]), continuous_clients.Tally(Counter(outcomes), wrong_answer)

    monkeypatch.setattr(events, "service_under_load", service_under_load)
    return events.Plan(ROOT, np.zeros((1, 64), np.float32), 5)


def test_stops_are_repeated_until_enough_requests_were_sent(monkeypatch):
    outcomes = [Outcome.ANSWERED, Outcome.LOST_NEW, Outcome.NOT_CONNECTED]
    measured = events.EVENTS["stop_two"].measure(replace_service(monkeypatch, ServiceOfStub(), outcomes))
    assert (measured.times, measured.wrong, measured.tally.sent()) == (3, 3, 6)
    assert measured.tally.outcomes == Counter(outcomes * 3)
    assert measured.remark == "ended after 1.50 s at most, exit status 0"


@pytest.mark.parametrize(
    ("starts", "recovery"),
    [
        ((2, 3, 4), r"after 1\.0\d s at most"),
        ((2, 3, 3, 4), r"after 1\.0\d s at most"),  # the service has more time than the interval
        ((2, 3, 3, 3), "not each time"),
    ],
)
def test_kills_of_workers_are_measured(monkeypatch, starts, recovery):
    monkeypatch.setattr(events, "KILLS", 2)
    reports = [service_report(2, count, made, []) for count, made in zip(starts, (10, 11, 9, 9), strict=False)]
    stub = ServiceOfStub(*reports)
    measured = events.EVENTS["kill_worker"].measure(replace_service(monkeypatch, stub, [Outcome.LOST_KEPT]))
    assert stub.killed == [10, 11]
    assert (measured.times, measured.wrong) == (2, 1)
    expected = (
        f"14 connections of killed workers; two workers again {recovery}; counters shrank in 1 of {len(starts)} reports"
    )
    assert re.fullmatch(expected, measured.remark)


def test_event_table_has_a_row_for_each_event():
    outcomes = Counter(dict(zip(Outcome, [100_000, 2, 3, 4, 64], strict=True)))
    tally = continuous_clients.Tally(outcomes, Counter(), 0.1234, EXAMPLE_WAITS)
    measured = events.EventMeasurement(7, tally, 5, "the remark")
    lines = list(event_table.event_table({"damaged": measured}))
    cells = "7 | 100,009 | 3 / 4 | 2 | 5 | 64 | 123 | the remark |"
    assert lines[-1] == f"| {events.EVENTS['damaged'].title} | {cells}"
    assert {line.count("|") for line in lines} == {10}


def test_remarks_tell_what_went_wrong():
    assert events.worst_time([1.5, 0.25], "never") == "after 1.50 s at most"
    assert events.worst_time([1.5, None], "never") == "never"
    assert events.format_statuses({0, None, -9}) == "-9, 0, none"
    tally = continuous_clients.Tally(probes=EXAMPLE_WAITS)
    reports = [(moment, {"service": service_report(2, starts, 0, [])}) for moment, starts in enumerate([2, 4, 3])]
    remark = events.readiness_remark(tally, reports, None)
    assert remark == "1 of 3 probes of `/readyz` without a 200; workers replaced: 2"
    assert events.readiness_remark(tally, reports, -1) == f"{remark}; the service ended with status -1"


@pytest.mark.parametrize(
    ("arguments", "chosen_loads", "chosen_events"),
    [
        ([], list(loads.LOADS), list(events.EVENTS)),
        (["--loads", "idle", "burst"], ["idle", "burst"], []),
        (["--events", "damaged"], [], ["damaged"]),
        (["--events"], [], list(events.EVENTS)),
        (["--loads", "--events", "damaged"], list(loads.LOADS), ["damaged"]),
    ],
)
def test_either_kind_of_fault_can_be_chosen_alone(arguments, chosen_loads, chosen_events):
    options = parse_options(arguments)
    assert (options.loads, options.events) == (chosen_loads, chosen_events)
