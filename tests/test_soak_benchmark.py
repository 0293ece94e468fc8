"""The soak test judges answers, losses, growth and counters correctly, and its table and plot show them."""

import dataclasses
import os
import subprocess
from array import array
from collections import Counter
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.serving import process
from benchmarks.soak import course, plot, samples, service, table, verdict
from benchmarks.soak.answers import LOSS_SECONDS, Answer, Loss, Tally, judge, predicted_digits
from benchmarks.soak.requests import PROBE, SHARES, Request, build_requests
from tests.e2e.server import poll_until
from tests.machine import skip_without_proc
from tests.soak_requests import BOTH, FIRST, GET, SECOND, SEVEN, STOPPING

MIB = 2**20
A_MINUTE = course.Minute(1000, 1.25, 20.5, 300.4, Counter(), 3, 1, 2, 200 * MIB, 80.5 * MIB, 150)
COUNTERS = {'http_requests_total{status="200"}': 5.0, "service_worker_starts_total": 2.0}


@pytest.fixture(scope="module")
def requests(split, artefact):
    return build_requests(split.training.pixels, artefact.network)


def send_in_process(client, request):
    """Send a request of the soak test to an application in this process."""
    head, _, body = request.data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split()
    response = client.request(method, path, content=body, headers=dict(line.split(": ") for line in lines))
    return Answer(response.status_code, response.content)


def test_the_service_gives_the_expected_answers(client, requests):
    assert set(requests) == set(SHARES)
    assert sum(SHARES.values()) == pytest.approx(1)
    for kind, (request, *_) in requests.items():
        if request.status is not None:
            answer = send_in_process(client, request)
            assert judge(request, answer, FIRST) is None, kind
            assert bool(judge(request, answer, SECOND)) is bool(request.digits), kind


def test_second_network_gives_the_other_expected_answers(artefact, split, requests):
    weights, card = service.second_network(artefact)
    network = dataclasses.replace(artefact.network, weights=weights)
    digits = network.probabilities(split.training.pixels[:64]).argmax(axis=1)
    (batch,) = requests["batch of 64"]
    assert "".join(map(str, digits)) == batch.digits[1] != batch.digits[0]
    assert card.version != artefact.card.version


def test_aborted_requests_have_no_answer_and_one_of_them_is_incomplete(requests):
    (half,), (complete,) = requests["half a body"], requests["no wait for the answer"]
    assert half.status is complete.status is None
    assert complete.data.startswith(half.data)
    assert 2 * len(half.data) == pytest.approx(len(complete.data), rel=0.1)


@pytest.mark.parametrize(
    ("status", "body", "state", "judgement"),
    [
        (200, b'{"digit":7}', FIRST, None),
        (200, b'{"digit":8}', FIRST, "single prediction: the other network"),
        (200, b'{"digit":7}', SECOND, "single prediction: the other network"),
        (200, b'{"digit":8}', BOTH, None),
        (200, b'{"digit":6}', BOTH, "single prediction: wrong digit"),
        (200, b"{}", BOTH, "single prediction: wrong digit"),
        (500, b'{"digit":7}', FIRST, "single prediction: status 500"),
        (503, b"", STOPPING, "single prediction: status 503"),
    ],
)
def test_a_prediction_must_have_the_status_and_the_digit_of_a_network_that_may_answer(status, body, state, judgement):
    assert judge(SEVEN, Answer(status, body), state) == judgement


def test_only_readiness_may_turn_503_and_only_during_the_stop():
    probe, unavailable = Request(PROBE, GET), Answer(503, b"")
    assert judge(probe, unavailable, STOPPING) is None
    assert judge(probe, unavailable, FIRST) == "probe: status 503"
    assert judge(probe, Answer(404, b""), STOPPING) == "probe: status 404"
    assert judge(probe, Answer(200, b""), STOPPING) is None
    assert judge(Request("wrong pixel", GET, 422), Answer(200, b""), FIRST) == "wrong pixel: status 200"


def test_digits_of_batches_and_of_the_open_inference_protocol_are_found_in_their_order():
    assert predicted_digits(b'{"predictions":[{"digit":3,"probabilities":[0.1]},{"digit":0}]}') == "30"
    output = b'{"name":"digit","shape":[2],"datatype":"INT64","data":[4,1]},{"name":"probabilities","data":[0,1]}'
    assert predicted_digits(b'{"outputs":[' + output + b"]}") == "41"


def test_both_networks_may_answer_a_request_that_is_sent_before_the_end_of_an_exchange():
    assert FIRST.merge(STOPPING) == STOPPING
    assert FIRST.merge(SECOND) == BOTH


def test_only_losses_just_after_a_kill_are_explained_by_it():
    tally = Tally()
    tally.unexpected["x: status 500"] = 2
    tally.losses = [Loss("x", "Reset", time) for time in (9.9, 10.0, 10 + LOSS_SECONDS, 10.1 + LOSS_SECONDS, 20.2)]
    lost, unexpected = tally.split_losses([10.0, 20.0])
    assert (lost, unexpected) == (3, {"x: status 500": 2, "x: lost, Reset": 2})
    assert tally.split_losses([]) == (0, {"x: status 500": 2, "x: lost, Reset": 5})


def test_counters_of_prometheus_text_are_parsed_without_gauges():
    text = '# TYPE a counter\na_total{x="1 {"} 5.0\nb_bucket{le="+Inf"} 2\nb_sum 0.5\nworkers 2.0\n# EOF\n'
    assert samples.parse_counters(text) == {'a_total{x="1 {"}': 5.0, 'b_bucket{le="+Inf"}': 2.0, "b_sum": 0.5}


def a_sample(**counters):
    return samples.Sample(0, 0, 0, 0, {f"{name}_total": value for name, value in counters.items()})


def test_a_counter_shrank_if_it_was_once_smaller_or_missing():
    grown = [a_sample(a=1, b=1), a_sample(a=2, b=1), a_sample(a=3, b=1, c=1)]
    assert samples.shrunken_counters(grown) == []
    assert samples.shrunken_counters([*grown, a_sample(a=2, c=1), a_sample(a=9, b=9, c=9)]) == ["a_total", "b_total"]
    assert samples.increase(grown, "a_total") == 2
    assert samples.increase(grown, "c_total") == 1


READY_CHILD = ["sh", "-c", "echo ready; read line"]


@skip_without_proc()
def test_a_sample_counts_the_memory_and_the_descriptors_of_the_processes():
    missing = 2**22 + 1  # no process has such an id
    start = partial(subprocess.Popen, READY_CHILD, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with (
        Path(os.devnull).open() as file,
        start() as supervisor,
        subprocess.Popen(
            READY_CHILD, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[file.fileno()]
        ) as worker,
    ):
        try:
            for child in (supervisor, worker):
                assert child.stdout is not None  # it is a pipe
                assert child.stdout.readline() == b"ready\n"
                # Its memory does not change any more once it waits for a line.
                poll_until(lambda pid=child.pid: process.stat_fields(pid)[0] == "S")
            both = samples.take_sample(1, [supervisor.pid, worker.pid, missing], "")
            first, second = (samples.take_sample(1, [child.pid, missing], "") for child in (supervisor, worker))
        finally:
            supervisor.kill()
            worker.kill()
    assert both.memory_bytes == first.memory_bytes + second.memory_bytes
    assert both.worker_bytes == second.memory_bytes > 0 == second.worker_bytes
    assert both.descriptors == first.descriptors + second.descriptors
    assert second.descriptors == first.descriptors + 1


def failures_after(growth):
    return verdict.growth_failures([A_MINUTE, A_MINUTE, A_MINUTE, A_MINUTE._replace(**growth)])


@pytest.mark.parametrize(
    ("name", "bound", "message"),
    [
        ("memory_bytes", verdict.MEMORY_BOUND, "memory grew by 32.5 MiB, more than 32 MiB"),
        ("worker_bytes", verdict.WORKER_BOUND, "memory of the largest worker grew by 16.5 MiB, more than 16 MiB"),
        ("descriptors", verdict.DESCRIPTOR_BOUND, None),
    ],
)
def test_growth_above_its_bound_is_a_failure(name, bound, message):
    before, step = getattr(A_MINUTE, name), 1 if name == "descriptors" else MIB / 2
    assert failures_after({name: before + bound}) == []
    (failure,) = failures_after({name: before + bound + step})
    assert failure == (message or f"{bound + 1} more descriptors are open, more than {bound}")


def test_growth_is_counted_from_the_second_minute():
    small, large = A_MINUTE._replace(memory_bytes=0), A_MINUTE
    assert verdict.growth_failures([small, large, large]) == []
    assert len(verdict.growth_failures([small, small, large])) == 1
    assert verdict.growth_failures([small, large]) == []


def test_unexpected_outcomes_are_listed_by_kind():
    assert verdict.unexpected_failures(Counter()) == []
    (failure,) = verdict.unexpected_failures(Counter({"a: status 500": 1200, "b": 3, "c": 2, "d": 1}))
    assert failure == "1,206 outcomes were unexpected: a: status 500 (1,200), b (3), c (2), …"


def a_course(**changes):
    """A course that passes, with changes."""
    passed = {"minutes": [A_MINUTE] * 3, "other_unexpected": Counter(), "kill_times": [100.0], "reload_times": [20.0]}
    passed["samples"] = [
        samples.Sample(0, 150 * MIB, 75 * MIB, 10, COUNTERS),
        samples.Sample(180, 150 * MIB, 75 * MIB, 10, {**COUNTERS, samples.STARTED: 3.0, samples.LOADED: 1.0}),
    ]
    return SimpleNamespace(**{**passed, "stop": service.Stop(0, 3.21, 0), **changes})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"other_unexpected": Counter({"x": 1})}, "1 outcomes were unexpected: x (1)"),
        ({"minutes": [A_MINUTE._replace(unexpected=Counter(x=1))] * 2}, "2 outcomes were unexpected: x (2)"),
        ({"minutes": [A_MINUTE] * 2 + [A_MINUTE._replace(descriptors=200)]}, "50 more descriptors are open"),
        ({"kill_times": []}, "1 workers started, although 0 were killed"),
        ({"reload_times": [20.0, 80.0]}, "1 files of weights were loaded by 2 reloads"),
        ({"stop": service.Stop(1, 3.21, 0)}, "the exit status was 1"),
        ({"stop": service.Stop(-9, 3.21, 0)}, "the exit status was -9"),
        ({"stop": service.Stop(None, 30.0, 0)}, "the service did not end"),
        ({"stop": service.Stop(0, 3.21, 2)}, "2 processes still ran after the end of the supervisor"),
    ],
)
def test_each_fault_of_a_course_is_a_reason_to_fail(change, reason):
    assert verdict.failures(a_course()) == []
    (failure,) = verdict.failures(a_course(**change))
    assert failure.startswith(reason)


def test_counters_that_shrank_and_answers_with_500_are_reasons_to_fail():
    first = samples.Sample(0, 0, 0, 0, COUNTERS)
    last = first._replace(counters={"service_worker_starts_total": 2.0, 'http_requests_total{status="500"}': 4.0})
    assert verdict.counter_failures([first, first], 0, 0) == []
    assert verdict.counter_failures([first, last], 0, 0) == [
        '1 counters of /metrics shrank, the first is http_requests_total{status="200"}',
        "the service counted 4 answers with the status 500",
    ]


def test_figures_of_a_minute_are_percentiles_and_medians():
    tally = Tally()
    tally.requests, tally.milliseconds = 101, array("f", range(101))
    tally.losses = [Loss("x", "Reset", 10.1), Loss("x", "Reset", 30.0)]
    counters = [{samples.STARTED: starts, samples.LOADED: starts * 2} for starts in (2.0, 2.0, 3.0, 3.0)]
    taken = [samples.Sample(i, i * 10, i * 5, i * 100, values) for i, values in enumerate(counters)]
    unexpected = Counter({"x: lost, Reset": 1})
    assert course.summarise(tally, taken, [10.0]) == course.Minute(101, 50, 99, 100, unexpected, 1, 1, 2, 20, 10, 200)


def test_table_has_a_cell_for_each_column():
    line = table.row(2, A_MINUTE._replace(unexpected=Counter(x=1, y=2)))
    assert line == "| 2 | 1,000 | 1.2 | 20.5 | 300 | 3 | 3 | 1 | 2 | 200.0 | 80.5 | 150 |"
    assert {text.count("|") for text in (*table.head().split("\n"), line)} == {len(table.COLUMNS) + 1}
    assert "2 workers" in table.conditions(2000.0)
    assert "1,400 requests/s (70%)" in " ".join(table.conditions(2000.0).split())


def test_stop_sentence_has_the_status_and_the_requests():
    sentence = table.stop_sentence(a_course(stop_requests=4321, not_connected=12))
    assert "took 3.2 s" in sentence
    assert "status was 0, 4,321 requests were sent, and 12 could not connect" in sentence


def test_plot_shows_every_sample_and_marks_the_reloads_and_kills():
    memory, descriptors, latency = plot.plot_course(a_course(reload_times=[20.0, 80.0])).axes
    lines = {line.get_label(): line for line in memory.lines}
    assert list(lines["all"].get_ydata()) == [150, 150]
    assert list(lines["largest worker"].get_ydata()) == [75, 75]
    assert list(descriptors.lines[0].get_xdata()) == [0, 3]
    assert list(latency.patches[0].get_data().values) == [20.5] * 3
    for axes in (memory, descriptors, latency):
        assert [line.get_xdata()[0] * 60 for line in axes.lines[-3:]] == pytest.approx([20, 80, 100])
    assert {"reload", "kill of a worker"} <= set(lines)
