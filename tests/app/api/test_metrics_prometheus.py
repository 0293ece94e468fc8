"""The Prometheus formats of `/metrics` have the same figures as the JSON."""

import dataclasses
import math
import subprocess
import time

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from app.main import create_app
from app.settings import Settings
from tests.accept_headers import PROMETHEUS_3
from tests.conftest import InProcess
from tests.machine import skip_without
from tests.samples import get_samples, parse_samples, values_by_label

METRICS_ROUTE = ("route", "/metrics")


def expected_samples(service):
    """Yield name, labels and value of the samples that the figures of a service must have."""
    for entry in service["requests_by_answer"]:
        labels = {name: str(entry[name]) for name in ("route", "method", "status")}
        yield "http_requests_total", labels, entry["count"]
    for digit, count in enumerate(service["predictions"]):
        yield "predictions_total", {"digit": str(digit)}, count
    yield "http_requests_in_flight", {}, service["requests_in_flight"]
    yield "service_workers", {}, service["workers"]
    yield "service_worker_starts_total", {}, service["worker_starts"]
    yield "service_info", {"version": service["version"]}, 1


@pytest.mark.parametrize(("accept", "parse"), [("text/plain", parse_text), (PROMETHEUS_3, parse_openmetrics)])
def test_prometheus_formats_have_the_same_values_as_the_json(used_client, accept, parse):
    body = used_client.get("/metrics").json()
    samples = parse_samples(used_client.get("/metrics", headers={"accept": accept}), parse)
    service = expected_samples(body["service"])
    expected = {(name, tuple(sorted(labels.items()))): value for name, labels, value in service}
    # The JSON does not count the request for the JSON, and the samples do.
    assert samples["http_requests_total", (("method", "GET"), ("route", "/metrics"), ("status", "200"))] == 1
    names = {name for name, _ in expected}
    service_samples = {key: value for key, value in samples.items() if key[0] in names and METRICS_ROUTE not in key[1]}
    assert service_samples == expected
    unlabelled = {name: value for (name, labels), value in samples.items() if not labels}
    assert unlabelled["model_accuracy_ratio"] == body["accuracy"]
    assert unlabelled["model_log_loss"] == body["log_loss"]
    assert unlabelled["model_calibration_error_ratio"] == body["calibration_error"]
    assert unlabelled["model_held_out_rows"] == body["held_out"]["rows"]
    for figures in body["held_out"]["per_digit"]:
        labels = (("digit", str(figures["digit"])),)
        assert samples["model_recall_ratio", labels] == figures["recall"]
        assert samples["model_precision_ratio", labels] == figures["precision"]
    ((info, value),) = [(dict(labels), value) for (name, labels), value in samples.items() if name == "model_info"]
    assert value == 1
    assert info == {name: str(body["model"][name]) for name in ("name", "version", "sha256", "recipe", "seed")}


def histogram(samples, name, **labels):
    """Return the upper bounds of the buckets of a histogram, and its number and sum of values."""
    key = tuple(sorted(labels.items()))
    bounds = [float(dict(other)["le"]) for prefix, other in samples if prefix == f"{name}_bucket" and {*key} < {*other}]
    return bounds, samples[f"{name}_count", key], samples[f"{name}_sum", key]


def test_histograms_match_the_requests_that_the_service_answered(used_client):
    samples = get_samples(used_client)
    durations = values_by_label(samples, "http_request_duration_seconds_count", "route")
    assert durations == {"/predict": 3, "/predict/batch": 1, "/predict/picture": 1, "unmatched": 1}
    for route in durations:
        bounds, _, seconds = histogram(samples, "http_request_duration_seconds", route=route)
        assert bounds == [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, math.inf]
        assert 0 < seconds < 30
    bounds, count, confidence = histogram(samples, "prediction_confidence_ratio")
    assert bounds == [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, math.inf]
    assert (count, 0.4 < confidence <= 4) == (4, True)
    bounds, count, rows = histogram(samples, "prediction_batch_rows")
    assert bounds == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, math.inf]
    assert (count, rows) == (2, 4)
    assert values_by_label(samples, "pictures_refused_total", "reason") == {"undecodable": 1}
    uptime = used_client.get("/metrics").json()["service"]["uptime_seconds"]
    assert samples["service_start_time_seconds", ()] + uptime == pytest.approx(time.time(), abs=5)


def test_prediction_routes_have_their_durations_before_the_first_request(make_client):
    samples = get_samples(make_client())
    routes = {dict(labels)["route"] for name, labels in samples if name == "http_request_duration_seconds_count"}
    assert {"/predict", "/predict/batch", "/predict/picture", "/v2/models/{name}/infer"} < routes


def test_recall_of_zero_is_written_and_an_undefined_precision_is_left_out(artefact):
    confusion = [list(row) for row in artefact.card.held_out.confusion]
    for digit, row in enumerate(confusion):
        row[6 if digit == 5 else 5] += row[4]
        row[4] = 0  # no image is predicted as 4
    accuracy = sum(row[digit] for digit, row in enumerate(confusion)) / sum(map(sum, confusion))
    held_out = dataclasses.replace(artefact.card.held_out, confusion=confusion, accuracy=accuracy)
    changed = dataclasses.replace(artefact, card=dataclasses.replace(artefact.card, held_out=held_out))
    text = InProcess(create_app(changed, Settings())).get("/metrics", params={"format": "prometheus"}).text
    assert 'model_recall_ratio{digit="4"} 0.0\n' in text
    assert 'model_precision_ratio{digit="4"}' not in text


@skip_without("promtool")
@pytest.mark.clients
@pytest.mark.parametrize("is_used", [False, True])
def test_promtool_reports_no_problem(used_client, make_client, is_used):
    client = used_client if is_used else make_client()
    text = client.get("/metrics", params={"format": "prometheus"}).content
    result = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=True)
    assert result.stdout + result.stderr == b""
