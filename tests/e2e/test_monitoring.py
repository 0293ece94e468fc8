"""A real Prometheus scrapes the service, and its counts are exact."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from app.api.schemas import EXAMPLE_IMAGE
from tests.deploy.monitoring import MONITORING, queries
from tests.e2e.prometheus import Prometheus, running_prometheus
from tests.e2e.server import HTTP, poll_until, running_workers, service_metrics, wait_for_both_workers
from tests.hostile import INFER
from tests.machine import skip_without

pytestmark = [pytest.mark.e2e, pytest.mark.clients, skip_without("prometheus")]

ONE_IMAGE = {"pixels": EXAMPLE_IMAGE}
THREE_IMAGES = {"images": [EXAMPLE_IMAGE] * 3}
TENSOR_OF_TWO_IMAGES = {"inputs": [{"name": "pixels", "shape": [2, 64], "datatype": "FP32", "data": EXAMPLE_IMAGE * 2}]}
# Path, options of httpx, number of requests, status of the reply.
TRAFFIC = [
    ("/predict", {"json": ONE_IMAGE}, 37, 200),
    ("/predict/batch", {"json": THREE_IMAGES}, 5, 200),
    (INFER, {"json": TENSOR_OF_TWO_IMAGES}, 4, 200),
    ("/predict", {"json": {"pixels": []}}, 3, 422),
    ("/predict/picture", {"content": b"none"}, 2, 422),
    ("/nowhere", {}, 6, 404),
]
PREDICTIONS = 37 + 5 * 3 + 4 * 2


def deployed_config(server):
    """Return the deployed configuration, except for the service that is scraped and the intervals."""
    config = yaml.safe_load((MONITORING / "prometheus" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "200ms", "evaluation_interval": "1s"}
    config["rule_files"] = [str(MONITORING / "prometheus" / "rules.yml")]
    (scrape,) = config["scrape_configs"]
    del scrape["dns_sd_configs"]
    scrape["static_configs"] = [{"targets": [server.url.removeprefix("http://")]}]
    return config


def send_traffic(server):
    """Send all requests of `TRAFFIC`, each on a connection of its own, so that every worker gets some."""

    def send(path, options, status):
        assert HTTP.post(server.url + path, **options).status_code == status

    with ThreadPoolExecutor(4) as pool:
        futures = [
            pool.submit(send, path, options, status) for path, options, count, status in TRAFFIC for _ in range(count)
        ]
        for future in futures:
            future.result()


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def server(request):
    """A service with one or two workers that has answered the traffic."""
    with running_workers(request.param) as server:
        send_traffic(server)
        yield server


@pytest.fixture(scope="module")
def prometheus(server, tmp_path_factory):
    """A Prometheus that has scraped the service before and after the traffic was sent a second time."""
    with running_prometheus(deployed_config(server), tmp_path_factory.mktemp("prometheus")) as prometheus:
        # Rates need two scrapes, and traffic between them.
        poll_until(lambda: prometheus.number("count_over_time(up[1h])") > 2)
        send_traffic(server)
        yield prometheus.at_next_scrape()


@pytest.mark.parametrize(("path", "options", "count", "status"), TRAFFIC)
def test_request_counts_are_exact(prometheus, path, options, count, status):
    route = {INFER: "/v2/models/{name}/infer", "/nowhere": "unmatched"}.get(path, path)
    labels = f'{{route="{route}",method="POST",status="{status}"}}'
    assert prometheus.number(f"http_requests_total{labels}") == 2 * count, options
    duration_count = prometheus.number(f'http_request_duration_seconds_count{{route="{route}"}}')
    assert duration_count == 2 * sum(entry[2] for entry in TRAFFIC if entry[0] == path)


def test_prediction_counts_are_exact(prometheus):
    digits = {labels["digit"]: value for labels, value in prometheus.vector("predictions_total")}
    assert digits == {str(digit): 2 * PREDICTIONS if digit == 3 else 0 for digit in range(10)}
    assert prometheus.number("prediction_confidence_ratio_count") == 2 * PREDICTIONS
    assert prometheus.number('prediction_confidence_ratio_bucket{le="0.999"}') == 0
    assert prometheus.number("prediction_batch_rows_count") == 2 * (37 + 5 + 4)
    assert prometheus.number("prediction_batch_rows_sum") == 2 * PREDICTIONS
    buckets = {labels["le"]: value for labels, value in prometheus.vector("prediction_batch_rows_bucket")}
    assert {bound: buckets[bound] for bound in ("1.0", "2.0", "4.0", "1024.0", "+Inf")} == {
        "1.0": 2 * 37,
        "2.0": 2 * (37 + 4),
        "4.0": 2 * (37 + 4 + 5),
        "1024.0": 2 * (37 + 4 + 5),
        "+Inf": 2 * (37 + 4 + 5),
    }
    assert prometheus.number('pictures_refused_total{reason="undecodable"}') == 2 * 2


def test_prometheus_has_the_version_and_accuracy_of_the_model(prometheus, artefact):
    assert prometheus.number("model_accuracy_ratio") == artefact.card.held_out.accuracy
    assert prometheus.number(f'model_info{{sha256="{artefact.sha256}",version="3"}}') == 1


def replace_grafana_variables(query):
    """Replace the variables in a query of the dashboard, as Grafana does."""
    for name, value in {"$job": "digits", "$route": ".*", "$__rate_interval": "1m"}.items():
        query = query.replace(name, value)
    return query


def test_prometheus_evaluates_every_query_of_dashboard_alerts_and_documentation(prometheus):
    for location, query in queries():
        if not query.startswith("label_values"):
            vector = prometheus.vector(replace_grafana_variables(query))
            # An alert that does not fire has no series, and there is no data of yesterday yet.
            assert vector or "offset" in query or location.startswith("Digits"), location


@pytest.mark.usefixtures("prometheus")  # this fixture sends the traffic a second time
def test_statistics_of_the_protocol_are_exact(server):
    for _ in range(5):  # so that different workers may answer
        (stats,) = HTTP.get(f"{server.url}/v2/models/digits/stats").json()["model_stats"]
        assert stats["execution_count"] == stats["inference_stats"]["success"]["count"] == 2 * 4
        assert stats["inference_count"] == 2 * 4 * 2
        batches = [(batch["batch_size"], batch["compute_infer"]["count"]) for batch in stats["batch_stats"]]
        assert batches == [(2, 2 * 4)]


@pytest.mark.parametrize("server", [2], indirect=True)
def test_counts_of_killed_workers_are_kept(server, prometheus):
    for victim in sorted(server.worker_pids()):
        before = server.worker_pids()
        os.kill(victim, signal.SIGKILL)
        poll_until(lambda before=before: len(server.worker_pids() - before) == 1)
        wait_for_both_workers(server.url)
    metrics = service_metrics(server.url)
    assert metrics["worker_starts"] == 4
    assert metrics["predictions"][3] == 2 * PREDICTIONS
    prometheus = Prometheus(prometheus.url).at_next_scrape()
    assert prometheus.number("service_worker_starts_total") == 4
    assert prometheus.number("sum(predictions_total)") == 2 * PREDICTIONS
    # No counter has decreased between two scrapes, and only the scrape itself is in flight.
    assert prometheus.number("sum(resets(predictions_total[1h]))") == 0
    assert prometheus.number("sum(resets(http_requests_total[1h]))") == 0
    assert prometheus.number("http_requests_in_flight") == 1
    assert prometheus.number("service_workers") == 2
