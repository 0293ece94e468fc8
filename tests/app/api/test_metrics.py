"""`/metrics` reports the figures of the card and of the service, in the format that the client asks for."""

import pytest

from app.api.schemas import EXAMPLE_IMAGE
from app.main import VERSION
from tests.accept_headers import BROWSER, PROMETHEUS_3
from tests.counting import counted_requests

JSON = "application/json"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def test_figures_of_the_network_are_those_of_the_card(client, artefact):
    body = client.get("/metrics").json()
    card = artefact.card
    assert body["accuracy"] == card.held_out.accuracy
    assert body["log_loss"] == card.held_out.log_loss
    assert body["calibration_error"] == card.held_out.calibration_error
    assert body["held_out"]["rows"] == 594
    assert body["held_out"]["confusion"] == [list(row) for row in card.held_out.confusion]
    assert body["model"] == {
        "name": "digits",
        "version": card.version,
        "sha256": artefact.sha256,
        "layers": [64, 200, 150, 10],
        "recipe": card.recipe,
        "seed": card.seed,
    }


def test_service_counts_requests_and_predictions(make_client):
    client = make_client()
    client.post("/predict", json={"pixels": EXAMPLE_IMAGE})
    client.post("/predict/batch", json={"images": [EXAMPLE_IMAGE, EXAMPLE_IMAGE]})
    client.post("/predict", json={})
    client.get("/nowhere")
    service = client.get("/metrics").json()["service"]
    assert service["requests"] == 4
    assert service["predictions"] == [0, 0, 0, 3, 0, 0, 0, 0, 0, 0]
    assert service["uptime_seconds"] > 0


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz"])
def test_head_request_is_answered_without_a_body(client, path):
    reply = client.request("HEAD", path)
    assert reply.status_code == 200
    assert reply.content == b""


def test_scraper_gets_openmetrics_and_browser_gets_json(client):
    reply = client.get("/metrics", headers={"accept": PROMETHEUS_3})
    assert reply.headers["content-type"] == OPENMETRICS
    assert reply.text.endswith("# EOF\n")
    assert client.get("/metrics", headers={"accept": "text/plain"}).headers["content-type"] == TEXT
    for headers in ({}, {"accept": "*/*"}, {"accept": BROWSER}):
        assert client.get("/metrics", headers=headers).headers["content-type"] == JSON


def test_several_accept_headers_are_combined(client):
    headers = [("accept", "application/xml"), ("accept", "text/plain;q=0.5"), ("accept", "*/*;q=0.1")]
    assert client.get("/metrics", headers=headers).headers["content-type"] == TEXT


@pytest.mark.parametrize(
    ("requested_format", "accept", "content_type"),
    [
        ("json", PROMETHEUS_3, JSON),
        ("json", "*/*", JSON),
        ("prometheus", "*/*", TEXT),
        ("prometheus", JSON, TEXT),
        ("prometheus", "text/plain", TEXT),
        ("prometheus", PROMETHEUS_3, OPENMETRICS),
    ],
)
def test_query_parameter_overrides_the_accept_header(client, requested_format, accept, content_type):
    reply = client.get("/metrics", params={"format": requested_format}, headers={"accept": accept})
    assert reply.headers["content-type"] == content_type


def test_unknown_format_gets_a_422_with_the_known_formats(client):
    reply = client.get("/metrics", params={"format": "xml"})
    assert reply.status_code == 422
    assert reply.json()["detail"] == "format must be 'json' or 'prometheus'"


@pytest.mark.parametrize("accept", ["*/*", "text/plain", PROMETHEUS_3])
def test_every_format_has_a_vary_header_and_answers_head(client, accept):
    get_reply = client.get("/metrics", headers={"accept": accept})
    assert get_reply.headers["vary"] == "Accept, Accept-Encoding"
    head_reply = client.request("HEAD", "/metrics", headers={"accept": accept})
    assert (head_reply.status_code, head_reply.content) == (200, b"")
    assert head_reply.headers["content-type"] == get_reply.headers["content-type"]
    assert head_reply.headers["vary"] == "Accept, Accept-Encoding"


def test_figures_of_the_service_match_the_requests_it_answered(used_client):
    service = used_client.get("/metrics").json()["service"]
    assert service["version"] == VERSION
    assert service["requests"] == 6
    entries = counted_requests(service)
    assert {(entry["route"], entry["method"], entry["status"], entry["count"]) for entry in entries} == {
        ("/predict", "POST", 200, 1),
        ("/predict", "POST", 422, 1),
        ("/predict", "other", 405, 1),
        ("/predict/batch", "POST", 200, 1),
        ("/predict/picture", "POST", 422, 1),
        ("unmatched", "GET", 404, 1),
    }
    assert sum(service["predictions"]) == 4
    assert (service["workers"], service["worker_starts"]) == (1, 1)
    assert service["requests_in_flight"] == 1  # the request for the metrics
    assert 0 < service["uptime_seconds"] < 60


def test_prediction_routes_have_their_series_before_the_first_request(make_client):
    """Prometheus takes the first value of a series as its start, so a series that starts at 5 shows no increase."""
    service = make_client().get("/metrics").json()["service"]
    entries = service["requests_by_answer"]
    series = {(entry["route"], entry["method"], entry["status"], entry["count"]) for entry in entries}
    routes = {"/predict", "/predict/batch", "/predict/picture", "/v2/models/{name}/infer"}
    assert {(route, "POST", status, 0) for route in routes for status in (200, 500)} < series
