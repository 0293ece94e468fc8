"""`/metrics` as Prometheus text and as OpenMetrics; prometheus_client writes both formats."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import exposition
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from typing_extensions import override

from app.observability.instruments import Instruments
from app.observability.report import precisions, recalls
from app.observability.shared_counters import MODEL_LOAD_RESULTS, SharedCounters
from model import Artefact


class MetricsFormat(StrEnum):
    """A format of the `/metrics` reply; its value is the media type."""

    JSON = "application/json"
    TEXT = "text/plain"
    OPENMETRICS = "application/openmetrics-text"


CONTENT_TYPES = {
    MetricsFormat.TEXT: exposition.CONTENT_TYPE_PLAIN_0_0_4,
    MetricsFormat.OPENMETRICS: openmetrics.CONTENT_TYPE_LATEST,
}


@dataclass
class MetricsCollector(Collector):
    """Presents the network and the service to prometheus_client.

    Args:
        artefact: The weights and their card, which holds the held-out figures.
        shared_counters: Counters of all workers.
        instruments: Instruments of the service.
        version: Version of the service.
    """

    artefact: Artefact
    shared_counters: SharedCounters
    instruments: Instruments
    version: str

    @override
    def collect(self) -> Iterator[Metric]:
        yield from _model_metrics(self.artefact)
        yield InfoMetricFamily("service", "The software of this service.", {"version": self.version})
        yield from _process_metrics(self.shared_counters)
        yield from self.instruments.collect()

    def write(self, metrics_format: MetricsFormat) -> bytes:
        """Write all metrics in one of the formats that Prometheus reads.

        Args:
            metrics_format: Prometheus text or OpenMetrics.
        Returns:
            The body of the reply.
        """
        if metrics_format is MetricsFormat.OPENMETRICS:
            return bytes(openmetrics.generate_latest(self))
        return exposition.generate_latest(self)


def _model_metrics(artefact: Artefact) -> Iterator[Metric]:
    card, held_out = artefact.card, artefact.card.held_out
    labels = {name: str(getattr(card, name)) for name in ("name", "version", "recipe", "seed")}
    yield InfoMetricFamily("model", "The network that this service uses.", {**labels, "sha256": artefact.sha256})
    for name, description, value in (
        ("model_accuracy_ratio", "Share of the held-out images classified correctly.", held_out.accuracy),
        ("model_log_loss", "Mean log-loss on the held-out images, in nats.", held_out.log_loss),
        ("model_calibration_error_ratio", "Expected calibration error, 15 bins.", held_out.calibration_error),
        ("model_held_out_rows", "Number of held-out images.", held_out.rows),
    ):
        yield GaugeMetricFamily(name, description, value)
    for name, description, values in (
        ("model_recall_ratio", "Share of the images of a digit that are predicted as it.", recalls(held_out.confusion)),
        (
            "model_precision_ratio",
            "Share of the images predicted as a digit that show it.",
            precisions(held_out.confusion),
        ),
    ):
        family = GaugeMetricFamily(name, description, labels=["digit"])
        for digit, share in enumerate(values):
            if share is not None:
                family.add_metric([str(digit)], share)
        yield family


def _process_metrics(shared_counters: SharedCounters) -> Iterator[Metric]:
    start, _ = shared_counters.start_times
    yield GaugeMetricFamily("service_start_time_seconds", "Start of the service, in seconds since 1970.", start)
    live = shared_counters.count_live_processes()
    yield GaugeMetricFamily("service_workers", "Number of live worker processes.", live)
    starts = shared_counters.count_process_starts()
    yield CounterMetricFamily("service_worker_starts_total", "Worker processes started so far.", starts)
    loads = CounterMetricFamily("model_loads_total", "Loads of the file of weights, by result.", labels=["result"])
    for result, count in zip(MODEL_LOAD_RESULTS, shared_counters.model_loads.tolist(), strict=True):
        loads.add_metric([result], count)
    yield loads
