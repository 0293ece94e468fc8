"""The events of the fault benchmark are what they claim to be, and their measurements and table are correct."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.faults import continuous_clients, event, event_table, events, report_figures, service, weights_file
from benchmarks.faults.continuous_clients import Outcome
from benchmarks.serving import probe, process
from benchmarks.serving.contenders import ROOT
from model import ArtefactError, Network, load_artefact
from tests.e2e.server import poll_until
from tests.fault_answers import EXAMPLE_WAITS
from tests.machine import skip_without


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
    measured = events.EVENTS["reload_one"].measure(event.Plan(ROOT, split.training.pixels, 1))
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
    return event.Plan(ROOT, np.zeros((1, 64), np.float32), 5)


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
    measured = event.EventMeasurement(7, tally, 5, "the remark")
    lines = list(event_table.event_table({"damaged": measured}))
    cells = "7 | 100,009 | 3 / 4 | 2 | 5 | 64 | 123 | the remark |"
    assert lines[-1] == f"| {events.EVENTS['damaged'].title} | {cells}"
    assert {line.count("|") for line in lines} == {10}


def test_remarks_tell_what_went_wrong():
    assert event.worst_time([1.5, 0.25], "never") == "after 1.50 s at most"
    assert event.worst_time([1.5, None], "never") == "never"
    assert event.format_statuses({0, None, -9}) == "-9, 0, none"
    tally = continuous_clients.Tally(probes=EXAMPLE_WAITS)
    reports = [(moment, {"service": service_report(2, starts, 0, [])}) for moment, starts in enumerate([2, 4, 3])]
    remark = events.readiness_remark(tally, reports, None)
    assert remark == "1 of 3 probes of `/readyz` without a 200; workers replaced: 2"
    assert events.readiness_remark(tally, reports, -1) == f"{remark}; the service ended with status -1"
