"""The measurements of the capacity benchmark are correct, and its answers are those of the committed results."""

import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from benchmarks.capacity import __main__ as command
from benchmarks.capacity import checks, generator, kinds, machine, report
from benchmarks.capacity.model import Cost
from benchmarks.serving import process
from tests.e2e.server import poll_until
from tests.machine import skip_without_proc

REPLY = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nseven"
REQUEST = b"POST / HTTP/1.1\r\n\r\n"


@pytest.fixture(scope="module")
def results():
    return json.loads(report.RESULT.read_text())


@contextmanager
def answering(reply, pause=0.0):
    """Answer each request after a pause, or close its connection if there is no reply; yield the address."""

    def answer(connection):
        with connection:
            while connection.recv(1000) and reply:
                threading.Event().wait(pause)
                for part in (reply[:20], reply[20:]):
                    connection.sendall(part)

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # the listener is closed
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_planned_times_are_a_poisson_process_with_the_rate():
    times = generator.random_times(200, 100, seed=1)
    gaps = np.diff(times)
    assert len(times) == 20_000
    assert gaps.mean() == pytest.approx(1 / 200, rel=0.03)
    assert gaps.std() == pytest.approx(1 / 200, rel=0.03)
    np.testing.assert_allclose(generator.random_times(400, 50, seed=1), times / 2)


def test_latency_counts_from_the_planned_time_also_while_no_connection_is_idle():
    with answering(REPLY, pause=0.02) as address, generator.Generator(address, REQUEST, 1) as load:
        sent = load.send(np.array([0.0, 0.001, 0.002]))
    assert (sent.latencies >= [0.02, 0.039, 0.058]).all()
    assert sent.seconds >= 0.06


def test_requests_are_sent_at_their_planned_times_on_any_idle_connection():
    with answering(REPLY) as address, generator.Generator(address, REQUEST, 4) as load:
        sent = load.send(np.linspace(0, 0.1, 50))
        again = load.send(np.zeros(20))  # a closed loop
    assert 0.1 <= sent.seconds < 1
    assert (sent.latencies > 0).all()
    assert len(again.latencies) == 20


@pytest.mark.parametrize(
    ("reply", "message"),
    [(b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "answered HTTP/1.1 503"), (b"", "closed a connection")],
)
def test_other_answers_end_the_measurement(reply, message):
    with (
        answering(reply) as address,
        generator.Generator(address, REQUEST, 1) as load,
        pytest.raises(RuntimeError, match=message),
    ):
        load.send(np.zeros(1))


@skip_without_proc()
def test_cpu_time_of_other_programs_excludes_this_process_and_its_descendants(monkeypatch):
    code = "sum(range(10**7)); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as child:
        own = process.ProcessTree(child.pid).cpu_seconds
        poll_until(lambda: own() > 0.1)
        with_child_as_own = machine.other_cpu_seconds()
        monkeypatch.setattr(process.ProcessTree, "pids", lambda _: [])
        assert machine.other_cpu_seconds() > with_child_as_own + 0.1
        child.communicate(b"\n")


@skip_without_proc()
def test_sockets_of_a_process_are_counted():
    (before,) = machine.count_sockets([os.getpid()])
    with socket.socket(), socket.socket():
        poll_until(lambda: machine.count_sockets([os.getpid()]) == [before + 2])


def made_up_run(rate, seed):
    """A run whose p99 is a thousandth of the rate, and 4 % more or less with the first seeds."""
    return checks.Run(rate / 1000 * {1: 1.04, 2: 0.96, 3: 1.0}[seed], 0.1, 0.0)


def test_search_finds_the_rate_at_which_the_median_run_reaches_the_limit():
    rate, runs = checks.search(made_up_run, limit=0.5, top=800)
    assert rate == pytest.approx(500, abs=(checks.HIGHEST - checks.LOWEST) * 800 / 2**checks.STEPS)
    assert runs


def test_model_of_a_check_takes_the_generator_and_the_busiest_worker_into_account():
    check = {"workers": 1, "limit_seconds": 0.1, "busiest_share": 1.0, "generator_share": 0.3, "rate": 150}
    two_workers = {**check, "workers": 2, "busiest_share": 0.5}
    one, two = (checks.model_rate(given, Cost(0.01)) for given in (check, {**two_workers, "generator_share": 0}))
    slowed = checks.model_rate(two_workers, Cost(0.01))
    assert two == pytest.approx(2 * one, rel=1e-3)
    # At 150 requests a second, the generator takes 15 % of each core.
    assert 0.83 * two < slowed < 0.87 * two


def test_cost_of_a_batch_lies_on_the_line_of_the_two_measured_sizes():
    constants = [{"batch_64": 0.001, "batch_1024": 0.00484}]
    costs = [kinds.cost_of(constants, "batch", rows).request_seconds for rows in (64, 564, 1024)]
    assert costs == pytest.approx([0.001, 0.003, 0.00484])


def test_cost_of_a_lone_prediction_is_the_measured_one():
    cost = kinds.cost_of([{"predict_alone": 200e-6, "predict_together": 75e-6}], "predict")
    assert cost.request_seconds + cost.iteration_seconds == pytest.approx(200e-6)
    assert cost.request_seconds + cost.iteration_seconds / kinds.REQUESTS_TOGETHER == pytest.approx(75e-6)


def test_every_kind_of_request_has_bytes_and_a_cost(results, split):
    for kind in kinds.KINDS:
        rows = 32 if kind in kinds.BATCHES else 0
        if kind != "photo":  # takes a second to draw
            assert kinds.build_request(kind, split.training.pixels, rows).startswith(b"POST /")
        assert kinds.cost_of(results["constants"], kind, rows).request_seconds > 0
        assert report.load_name(kind, rows)


def test_results_have_every_check(results):
    expected = {(case.kind, workers, limit) for case in checks.CASES for workers in (1, 2) for limit in case.limits}
    assert {(check["kind"], check["workers"], check["limit_seconds"]) for check in results["checks"]} == expected


def test_command_answers_with_the_committed_constants(capsys):
    command.main(["plan", "--kind", "predict", "--rate", "3000", "--kind", "picture", "--rate", "5", "--p99", "100"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("3,000 single predictions and 5 pictures of 280×280 a second need 1 worker, ")
    assert report.PICTURE_MEMORY in lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--kind predict --rate 10 --rate 20 --p99 5", "give one --rate for each --kind"),
        ("--kind predict --rate -1 --p99 5", "argument --rate: must be a number above 0"),
        ("--kind predict --rate 10 --p99 nan", "argument --p99: must be a number above 0"),
        ("--kind batch --rate 10 --p99 5 --rows 2000", "at most 1024"),
        ("--kind picture --rate 10 --p99 0.01", "a lone request takes"),
        ("--kind picture --rate 1e9 --p99 100", "more than 256 workers"),
        ("--kind video --rate 10 --p99 5", "invalid choice: 'video'"),
    ],
)
def test_wrong_arguments_are_rejected_with_a_reason(arguments, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        command.main(["plan", *arguments.split()])
    assert message in capsys.readouterr().err
