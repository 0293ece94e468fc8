"""A real Prometheus scrapes the service, and its answers are right to the count."""

import os
import shutil
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
import yaml

from app.api.schemas import EXAMPLE_IMAGE
from tests.deploy.test_monitoring import MONITORING, queries
from tests.e2e.server import eventually, running, service, wait_for_both_workers
from tests.hostile import INFER

PROMETHEUS = shutil.which("prometheus")

pytestmark = pytest.mark.skipif(
    PROMETHEUS is None and "CI" not in os.environ, reason="needs prometheus, which is not on this machine"
)

ONE = {"pixels": EXAMPLE_IMAGE}
THREE = {"images": [EXAMPLE_IMAGE] * 3}
TENSOR = {"inputs": [{"name": "pixels", "shape": [2, 64], "datatype": "FP32", "data": EXAMPLE_IMAGE * 2}]}
# What is sent, how often, and which answer it gets.
TRAFFIC = [
    ("/predict", {"json": ONE}, 37, 200),
    ("/predict/batch", {"json": THREE}, 5, 200),
    (INFER, {"json": TENSOR}, 4, 200),
    ("/predict", {"json": {"pixels": []}}, 3, 422),
    ("/predict/picture", {"content": b"none"}, 2, 422),
    ("/nowhere", {}, 6, 404),
]
PREDICTIONS = 37 + 5 * 3 + 4 * 2


class Prometheus:
    """A Prometheus that runs.

    Args:
        url: Its address.
    """

    def __init__(self, url):
        self.url = url

    def vector(self, query):
        """What a query gives: a list of labels and numbers."""
        reply = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, timeout=30).json()
        assert reply["status"] == "success", reply
        return [(found["metric"], float(found["value"][1])) for found in reply["data"]["result"]]

    def number(self, query):
        """What a query gives that has one answer, or None if it has none yet."""
        found = self.vector(query)
        return found[0][1] if found else None

    def is_up(self):
        """Whether it is ready and has scraped the service."""
        try:
            is_ready = httpx.get(f"{self.url}/-/ready", timeout=30).status_code == 200
            return is_ready and self.number('up{job="digits"}') == 1
        except httpx.TransportError:
            return False


@contextmanager
def scraping(server, folder):
    """Start a Prometheus with the configuration that is deployed, but for the address of the service."""
    config = yaml.safe_load((MONITORING / "prometheus" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "200ms", "evaluation_interval": "1s"}
    config["rule_files"] = [str(MONITORING / "prometheus" / "rules.yml")]
    (scrape,) = config["scrape_configs"]
    del scrape["dns_sd_configs"]
    scrape["static_configs"] = [{"targets": [server.url.removeprefix("http://")]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=log, stderr=log) as process,
    ):
        prometheus = Prometheus(f"http://{address}")
        try:
            eventually(prometheus.is_up)
            yield prometheus
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def send_traffic(server):
    """Send it all, each request on a connection of its own, so that every worker gets some."""
    requests = [request for request in TRAFFIC for _ in range(request[2])]

    def send(request):
        path, options, _, status = request
        assert httpx.post(server.url + path, timeout=30, **options).status_code == status

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, requests))


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def server(request):
    with running("--workers", str(request.param)) as server:
        if request.param > 1:
            wait_for_both_workers(server.url)
        send_traffic(server)
        yield server


@pytest.fixture(scope="module")
def prometheus(server, tmp_path_factory):
    with scraping(server, tmp_path_factory.mktemp("prometheus")) as prometheus:
        # Two scrapes between which something happens, so that there are rates.
        eventually(lambda: prometheus.number("count_over_time(up[1h])") > 2)
        send_traffic(server)
        sent = time.time()
        eventually(lambda: prometheus.number('timestamp(up{job="digits"})') > sent)
        yield prometheus


@pytest.mark.parametrize(("path", "options", "times", "status"), TRAFFIC)
def test_requests_are_right_to_the_count(prometheus, path, options, times, status):
    route = {INFER: "/v2/models/{name}/infer", "/nowhere": "unmatched"}.get(path, path)
    labels = f'{{route="{route}",method="POST",status="{status}"}}'
    assert prometheus.number(f"http_requests_total{labels}") == 2 * times, options
    counted = prometheus.number(f'http_request_duration_seconds_count{{route="{route}"}}')
    assert counted == 2 * sum(entry[2] for entry in TRAFFIC if entry[0] == path)


def test_predictions_are_right_to_the_count(prometheus):
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


def test_it_knows_the_model_and_its_figures(prometheus, artefact):
    assert prometheus.number("model_accuracy_ratio") == artefact.card.held_out.accuracy
    assert prometheus.number(f'model_info{{sha256="{artefact.sha256}",version="2"}}') == 1


def as_grafana_asks(query):
    """A query of the dashboard, with its variables filled in."""
    for name, value in {"$job": "digits", "$route": ".*", "$__rate_interval": "1m"}.items():
        query = query.replace(name, value)
    return query


def test_every_query_of_the_dashboard_and_the_rules_is_understood_and_answered(prometheus):
    for place, query in queries():
        if not query.startswith("label_values"):
            found = prometheus.vector(as_grafana_asks(query))
            # An alert that is quiet has no answer, and of yesterday nothing is known yet.
            assert found or "offset" in query or place.startswith("Digits"), place


@pytest.mark.usefixtures("prometheus")  # with it all traffic was sent twice
def test_the_protocols_statistics_are_right_to_the_count(server):
    for _ in range(5):  # whoever answers
        (stats,) = httpx.get(f"{server.url}/v2/models/digits/stats").json()["model_stats"]
        assert stats["execution_count"] == stats["inference_stats"]["success"]["count"] == 2 * 4
        assert stats["inference_count"] == 2 * 4 * 2
        assert [(b["batch_size"], b["compute_infer"]["count"]) for b in stats["batch_stats"]] == [(2, 2 * 4)]


@pytest.mark.parametrize("server", [2], indirect=True)
def test_killed_workers_take_no_count_with_them(server, prometheus):
    for victim in sorted(server.workers()):
        others = server.workers() - {victim}
        os.kill(victim, signal.SIGKILL)
        eventually(lambda others=others, victim=victim: len(server.workers() - others - {victim}) == 1)
        wait_for_both_workers(server.url)
    counted = service(server.url)
    assert counted["worker_starts"] == 4
    assert counted["predictions"][3] == 2 * PREDICTIONS
    eventually(lambda: prometheus.number("service_worker_starts_total") == 4)
    assert prometheus.number("sum(predictions_total)") == 2 * PREDICTIONS
    # Never, at no scrape, was there less than before, and nothing is in flight but the scrape.
    assert prometheus.number("sum(resets(predictions_total[1h]))") == 0
    assert prometheus.number("sum(resets(http_requests_total[1h]))") == 0
    assert prometheus.number("http_requests_in_flight") == 1
    assert prometheus.number("service_workers") == 2
