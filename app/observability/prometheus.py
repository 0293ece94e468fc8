"""`/metrics` as Prometheus text and as OpenMetrics; prometheus_client writes both formats."""

from collections.abc import Iterator

from prometheus_client import exposition
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from typing_extensions import override

from app.observability.negotiation import MetricsFormat
from app.observability.report import HistogramReply, MetricsReply, ServiceReply

CONTENT_TYPES = {
    MetricsFormat.TEXT: exposition.CONTENT_TYPE_PLAIN_0_0_4,
    MetricsFormat.OPENMETRICS: openmetrics.CONTENT_TYPE_LATEST,
}


class ReportCollector(Collector):
    """Presents a report to prometheus_client.

    Args:
        report: The report of `/metrics`.
    """

    def __init__(self, report: MetricsReply) -> None:
        self._report = report

    @override
    def collect(self) -> Iterator[Metric]:
        yield from _model_metrics(self._report)
        yield from _process_metrics(self._report["service"])
        yield from _request_metrics(self._report["service"])
        yield from _prediction_metrics(self._report["service"])


def write_metrics(report: MetricsReply, metrics_format: MetricsFormat) -> bytes:
    """Write a report in one of the formats that Prometheus reads.

    Args:
        report: The report of `/metrics`.
        metrics_format: Prometheus text or OpenMetrics.
    Returns:
        The body of the reply.
    """
    if metrics_format is MetricsFormat.OPENMETRICS:
        return bytes(openmetrics.generate_latest(ReportCollector(report)))
    return exposition.generate_latest(ReportCollector(report))


def _model_metrics(report: MetricsReply) -> Iterator[Metric]:
    model, held_out = report["model"], report["held_out"]
    labels = {name: str(model[name]) for name in ("name", "version", "sha256", "recipe", "seed")}
    yield InfoMetricFamily("model", "The network that this service uses.", labels)
    for name, description, value in (
        ("model_accuracy_ratio", "Share of the held-out images classified correctly.", report["accuracy"]),
        ("model_log_loss", "Mean log-loss on the held-out images, in nats.", report["log_loss"]),
        ("model_calibration_error_ratio", "Expected calibration error, 15 bins.", report["calibration_error"]),
        ("model_held_out_rows", "Number of held-out images.", held_out["rows"]),
    ):
        yield GaugeMetricFamily(name, description, value)
    recalls = [figures["recall"] for figures in held_out["per_digit"]]
    yield _gauge_by_digit("model_recall_ratio", "Share of the images of a digit that are predicted as it.", recalls)
    precisions = [figures["precision"] for figures in held_out["per_digit"]]
    yield _gauge_by_digit("model_precision_ratio", "Share of the images predicted as a digit that show it.", precisions)


def _gauge_by_digit(name: str, description: str, values: list[float | None]) -> Metric:
    family = GaugeMetricFamily(name, description, labels=["digit"])
    for digit, value in enumerate(values):
        if value is not None:
            family.add_metric([str(digit)], value)
    return family


def _process_metrics(service: ServiceReply) -> Iterator[Metric]:
    yield InfoMetricFamily("service", "The software of this service.", {"version": service["version"]})
    start = service["start_time_seconds"]
    yield GaugeMetricFamily("service_start_time_seconds", "Start of the service, in seconds since 1970.", start)
    yield GaugeMetricFamily("service_workers", "Number of live worker processes.", service["workers"])
    starts = service["worker_starts"]
    yield CounterMetricFamily("service_worker_starts_total", "Worker processes started so far.", starts)


def _request_metrics(service: ServiceReply) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "http_requests_total",
        "Finished requests; status 0 means that the client disconnected before the answer.",
        labels=["route", "method", "status"],
    )
    for answer in service["requests_by_answer"]:
        requests.add_metric([answer["route"], answer["method"], str(answer["status"])], answer["count"])
    yield requests
    in_flight = service["requests_in_flight"]
    yield GaugeMetricFamily("http_requests_in_flight", "Unfinished requests, including this scrape.", in_flight)
    durations = HistogramMetricFamily(
        "http_request_duration_seconds",
        "Time from the head of a request to the last bytes of its answer.",
        labels=["route"],
    )
    for entry in service["durations"]:
        durations.add_metric([entry["route"]], *_cumulative_buckets(entry["seconds"]))
    yield durations


def _prediction_metrics(service: ServiceReply) -> Iterator[Metric]:
    predictions = CounterMetricFamily("predictions_total", "Predictions, by predicted digit.", labels=["digit"])
    for digit, count in enumerate(service["predictions"]):
        predictions.add_metric([str(digit)], count)
    yield predictions
    confidence, batch_sizes = map(_cumulative_buckets, (service["confidence"], service["batch_rows"]))
    yield HistogramMetricFamily("prediction_confidence_ratio", "Probability of the predicted digit.", *confidence)
    yield HistogramMetricFamily("prediction_batch_rows", "Number of images in a request.", *batch_sizes)
    rejected = CounterMetricFamily("pictures_refused_total", "Rejected pictures.", labels=["reason"])
    for reason, count in service["pictures_refused"].items():
        rejected.add_metric([reason], count)
    yield rejected


def _cumulative_buckets(histogram: HistogramReply) -> tuple[list[tuple[str, float]], float]:
    """Convert a histogram to prometheus_client's form: all buckets including +Inf, and the sum."""
    finite = [(str(bucket["le"]), float(bucket["count"])) for bucket in histogram["buckets"]]
    return [*finite, ("+Inf", float(histogram["count"]))], histogram["sum"]
