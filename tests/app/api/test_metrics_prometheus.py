"""The Prometheus formats of `/metrics` have the same figures as the JSON."""

import os
import shutil
import subprocess

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from app.observability.negotiation import MetricsFormat
from app.observability.prometheus import write_metrics
from tests.accept_headers import PROMETHEUS_3


def parse_samples(reply, parse):
    """Parse a reply in a Prometheus format, and return the value of each sample by its name and sorted labels."""
    samples = [sample for family in parse(reply.text) for sample in family.samples]
    values = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}
    assert len(values) == len(samples)  # no sample occurs twice
    return values


def expected_samples(service):
    """Yield name, labels and value of the samples that the figures of a service must have."""

    def histogram_samples(name, histogram, **labels):
        yield f"{name}_count", labels, histogram["count"]
        yield f"{name}_sum", labels, histogram["sum"]
        yield f"{name}_bucket", {**labels, "le": "+Inf"}, histogram["count"]
        for bucket in histogram["buckets"]:
            yield f"{name}_bucket", {**labels, "le": str(bucket["le"])}, bucket["count"]

    for entry in service["requests_by_answer"]:
        labels = {name: str(entry[name]) for name in ("route", "method", "status")}
        yield "http_requests_total", labels, entry["count"]
    for entry in service["durations"]:
        yield from histogram_samples("http_request_duration_seconds", entry["seconds"], route=entry["route"])
    for digit, count in enumerate(service["predictions"]):
        yield "predictions_total", {"digit": str(digit)}, count
    for reason, count in service["pictures_refused"].items():
        yield "pictures_refused_total", {"reason": reason}, count
    yield from histogram_samples("prediction_confidence_ratio", service["confidence"])
    yield from histogram_samples("prediction_batch_rows", service["batch_rows"])
    yield "http_requests_in_flight", {}, service["requests_in_flight"]
    yield "service_workers", {}, service["workers"]
    yield "service_worker_starts_total", {}, service["worker_starts"]
    yield "service_start_time_seconds", {}, service["start_time_seconds"]
    yield "service_info", {"version": service["version"]}, 1


@pytest.mark.parametrize(("accept", "parse"), [("text/plain", parse_text), (PROMETHEUS_3, parse_openmetrics)])
def test_prometheus_formats_have_the_same_values_as_the_json(used_client, accept, parse):
    body = used_client.get("/metrics").json()
    samples = parse_samples(used_client.get("/metrics", headers={"accept": accept}), parse)
    service = expected_samples(body["service"])
    expected = {(name, tuple(sorted(labels.items()))): value for name, labels, value in service}
    # The JSON does not count the request for the JSON, and the samples do.
    metrics_samples = {key for key in samples if ("route", "/metrics") in key[1]}
    assert samples["http_requests_total", (("method", "GET"), ("route", "/metrics"), ("status", "200"))] == 1
    service_samples = {
        key: value for key, value in samples.items() if key not in metrics_samples and not key[0].startswith("model_")
    }
    assert service_samples == pytest.approx(expected)
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


def test_recall_of_zero_is_written_and_an_undefined_precision_is_left_out(used_client):
    report = used_client.get("/metrics").json()
    report["held_out"]["per_digit"][4] = {"digit": 4, "recall": 0.0, "precision": None}
    text = write_metrics(report, MetricsFormat.TEXT).decode()
    assert 'model_recall_ratio{digit="4"} 0.0\n' in text
    assert 'model_precision_ratio{digit="4"}' not in text


PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(PROMTOOL is None and "CI" not in os.environ, reason="needs promtool, of Debian's prometheus")
@pytest.mark.parametrize("is_used", [False, True])
def test_promtool_reports_no_problem(used_client, make_client, is_used):
    client = used_client if is_used else make_client()
    text = client.get("/metrics", params={"format": "prometheus"}).content
    result = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=True)
    assert result.stdout + result.stderr == b""
