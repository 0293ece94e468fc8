"""The loads of the fault benchmark are what they claim to be, and their measurements and table are correct."""

import asyncio
import itertools
import subprocess
import sys
from collections import Counter

import pytest

from app.settings import Settings
from benchmarks.faults import attacks, events, good_clients, hostile_files, loads, measure, requests, table
from benchmarks.faults.__main__ import parse_options
from benchmarks.serving import process, wrk
from benchmarks.serving.contenders import ROOT
from tests.e2e.server import poll_until
from tests.fault_answers import COMPLETE, EXAMPLE_WAITS, AnsweringServer
from tests.machine import skip_without


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
