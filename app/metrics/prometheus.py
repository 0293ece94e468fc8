"""`/metrics` in Prometheus' text format and in OpenMetrics; prometheus_client writes both."""

from collections.abc import Iterable, Iterator

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

from app.metrics.negotiation import Form
from app.metrics.reply import HistogramReply, MetricsReply, ServiceReply

CONTENT_TYPES = {
    Form.TEXT: exposition.CONTENT_TYPE_PLAIN_0_0_4,
    Form.OPENMETRICS: openmetrics.CONTENT_TYPE_LATEST,
}


class Report(Collector):
    """A report as prometheus_client wants it.

    Args:
        report: What `/metrics` says.
    """

    def __init__(self, report: MetricsReply) -> None:
        self._report = report

    @override
    def collect(self) -> Iterator[Metric]:
        yield from _model(self._report)
        yield from _process(self._report["service"])
        yield from _requests(self._report["service"])
        yield from _predictions(self._report["service"])


def write(report: MetricsReply, form: Form) -> bytes:
    """Write a report for Prometheus.

    Args:
        report: What `/metrics` says.
        form: Text or OpenMetrics.
    Returns:
        The body of a reply.
    """
    if form is Form.OPENMETRICS:
        return bytes(openmetrics.generate_latest(Report(report)))
    return exposition.generate_latest(Report(report))


def _model(report: MetricsReply) -> Iterator[Metric]:
    model, held_out = report["model"], report["held_out"]
    yield InfoMetricFamily(
        "model",
        "The network that answers.",
        {name: str(model[name]) for name in ("name", "version", "sha256", "recipe", "seed")},
    )
    yield GaugeMetricFamily(
        "model_accuracy_ratio",
        "Share of the held-out images that the model reads correctly.",
        report["accuracy"],
    )
    yield GaugeMetricFamily(
        "model_log_loss", "Mean log-loss on the held-out images, in nats.", report["log_loss"]
    )
    yield GaugeMetricFamily(
        "model_calibration_error_ratio",
        "Expected calibration error on the held-out images, 15 bins.",
        report["calibration_error"],
    )
    yield GaugeMetricFamily("model_held_out_rows", "Number of held-out images.", held_out["rows"])
    yield _by_digit(
        "model_recall_ratio",
        "Share of the held-out images of a digit that are read as it.",
        [figures["recall"] for figures in held_out["per_digit"]],
    )
    yield _by_digit(
        "model_precision_ratio",
        "Of the held-out images read as a digit, the share that show it.",
        [figures["precision"] for figures in held_out["per_digit"]],
    )


def _process(service: ServiceReply) -> Iterator[Metric]:
    yield InfoMetricFamily("service", "The software that serves it.", {"version": service["version"]})
    yield GaugeMetricFamily(
        "service_start_time_seconds", "When the service started, since 1970.", service["start_time_seconds"]
    )
    yield GaugeMetricFamily("service_workers", "Processes that answer now.", service["workers"])
    yield CounterMetricFamily(
        "service_worker_starts_total", "Worker processes started so far.", service["worker_starts"]
    )


def _requests(service: ServiceReply) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "http_requests_total",
        "Requests answered; status 0: the client left before.",
        labels=["route", "method", "status"],
    )
    for answer in service["requests_by_answer"]:
        requests.add_metric([answer["route"], answer["method"], str(answer["status"])], answer["count"])
    yield requests
    yield GaugeMetricFamily(
        "http_requests_in_flight",
        "Requests being answered, this scrape included.",
        service["requests_in_flight"],
    )
    yield _histogram(
        "http_request_duration_seconds",
        "Time from a request's head to the last bytes of its answer.",
        ((entry["route"], entry["seconds"]) for entry in service["durations"]),
    )


def _predictions(service: ServiceReply) -> Iterator[Metric]:
    predictions = CounterMetricFamily(
        "predictions_total", "Images classified, by predicted digit.", labels=["digit"]
    )
    for digit, count in enumerate(service["predictions"]):
        predictions.add_metric([str(digit)], count)
    yield predictions
    yield HistogramMetricFamily(
        "prediction_confidence_ratio",
        "Probability of the digit that was read.",
        *_buckets(service["confidence"]),
    )
    yield HistogramMetricFamily(
        "prediction_batch_rows", "Images in a request.", *_buckets(service["batch_rows"])
    )
    refused = CounterMetricFamily("pictures_refused_total", "Pictures that were not read.", labels=["reason"])
    for reason, count in service["pictures_refused"].items():
        refused.add_metric([reason], count)
    yield refused


def _by_digit(name: str, words: str, values: Iterable[float | None]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=["digit"])
    for digit, value in enumerate(values):
        if value is not None:
            family.add_metric([str(digit)], value)
    return family


def _histogram(name: str, words: str, series: Iterable[tuple[str, HistogramReply]]) -> Metric:
    family = HistogramMetricFamily(name, words, labels=["route"])
    for route, histogram in series:
        family.add_metric([route], *_buckets(histogram))
    return family


def _buckets(histogram: HistogramReply) -> tuple[list[tuple[str, float]], float]:
    """Write buckets as prometheus_client takes them, the one without a bound included, and the sum."""
    finite = [(str(bucket["le"]), float(bucket["count"])) for bucket in histogram["buckets"]]
    return [*finite, ("+Inf", float(histogram["count"]))], histogram["sum"]
