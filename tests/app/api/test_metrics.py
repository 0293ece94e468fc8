"""`/metrics` repeats the card and counts what the service did, for people and for Prometheus."""

import asyncio
import os
import shutil
import subprocess
import time

import httpx
import numpy as np
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from sklearn.metrics import precision_score, recall_score

from app.api.schemas import EXAMPLE_IMAGE
from app.main import VERSION, create_app
from app.observability.negotiation import MetricsFormat
from app.observability.prometheus import write_metrics
from app.observability.report import per_digit
from app.settings import Settings
from tests.app.observability.test_negotiation import BROWSER, PROMETHEUS_3
from tests.app.test_openapi import OPERATIONS
from tests.conftest import InProcess

BLANK = [0] * 64
TEXT, OPENMETRICS = (
    "text/plain; version=0.0.4; charset=utf-8",
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
)


@pytest.fixture
def used(make_client):
    """A client of a service that did a little of everything."""
    client = make_client()
    client.post("/predict", json={"pixels": EXAMPLE_IMAGE})
    client.post("/predict/batch", json={"images": [EXAMPLE_IMAGE, BLANK, EXAMPLE_IMAGE]})
    client.post("/predict", json={})
    client.post("/predict/picture", content=b"no picture")
    client.get("/nowhere")
    client.request("BREW", "/predict")
    return client


def answers(service):
    """The kinds of answers that were given at least once."""
    return [answer for answer in service["requests_by_answer"] if answer["count"]]


def samples(reply, parse):
    """The samples of a reply in Prometheus' form, by name and labels."""
    families = list(parse(reply.text))
    found = {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}
    assert len(found) == sum(len(family.samples) for family in families)  # none twice
    return found


def test_the_figures_are_the_cards(client, artefact):
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


def test_recall_and_precision_are_scikit_learns(artefact):
    confusion = artefact.card.held_out.confusion
    pairs = [(t, r, n) for t, row in enumerate(confusion) for r, n in enumerate(row)]
    labels, read = (np.repeat([p[i] for p in pairs], [p[2] for p in pairs]) for i in (0, 1))
    figures = per_digit(confusion)
    assert [f["recall"] for f in figures] == pytest.approx(recall_score(labels, read, average=None))
    assert [f["precision"] for f in figures] == pytest.approx(precision_score(labels, read, average=None))


def test_a_digit_that_was_never_read_has_no_precision():
    counts = [[0] * 10 for _ in range(10)]
    counts[1][2] = 5
    figures = per_digit(counts)
    assert figures[1] == {"digit": 1, "recall": 0.0, "precision": None}
    assert figures[0] == {"digit": 0, "recall": None, "precision": None}


def test_the_service_counts_requests_and_predictions(make_client):
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
def test_head_answers_as_get_without_the_body(client, path):
    reply = client.request("HEAD", path)
    assert reply.status_code == 200
    assert reply.content == b""


def test_a_scraper_gets_openmetrics_and_a_browser_json(client):
    reply = client.get("/metrics", headers={"accept": PROMETHEUS_3})
    assert reply.headers["content-type"] == OPENMETRICS
    assert reply.text.endswith("# EOF\n")
    assert client.get("/metrics", headers={"accept": "text/plain"}).headers["content-type"] == TEXT
    for headers in ({}, {"accept": "*/*"}, {"accept": BROWSER}):
        assert client.get("/metrics", headers=headers).headers["content-type"] == "application/json"


def test_an_accept_in_several_lines_is_one(client):
    lines = [("accept", "application/xml"), ("accept", "text/plain;q=0.5"), ("accept", "*/*;q=0.1")]
    assert client.get("/metrics", headers=lines).headers["content-type"] == TEXT


@pytest.mark.parametrize(
    ("wanted", "accept", "content_type"),
    [
        ("json", PROMETHEUS_3, "application/json"),
        ("json", "*/*", "application/json"),
        ("prometheus", "*/*", TEXT),
        ("prometheus", "application/json", TEXT),
        ("prometheus", "text/plain", TEXT),
        ("prometheus", PROMETHEUS_3, OPENMETRICS),
    ],
)
def test_the_address_can_say_which_form_it_is(client, wanted, accept, content_type):
    reply = client.get("/metrics", params={"format": wanted}, headers={"accept": accept})
    assert reply.headers["content-type"] == content_type


def test_a_form_that_there_is_not_is_a_422_that_names_those_that_there_are(client):
    reply = client.get("/metrics", params={"format": "xml"})
    assert reply.status_code == 422
    assert reply.json()["detail"] == "format must be 'json' or 'prometheus'"


@pytest.mark.parametrize("accept", ["*/*", "text/plain", PROMETHEUS_3])
def test_every_form_says_that_it_depends_on_accept_and_answers_head(client, accept):
    got = client.get("/metrics", headers={"accept": accept})
    assert got.headers["vary"] == "Accept"
    reply = client.request("HEAD", "/metrics", headers={"accept": accept})
    assert (reply.status_code, reply.content) == (200, b"")
    assert reply.headers["content-type"] == got.headers["content-type"]
    assert reply.headers["vary"] == "Accept"


def numbers(service):
    """What the JSON counts, as samples of Prometheus."""

    def histogram(name, found, **labels):
        yield f"{name}_count", labels, found["count"]
        yield f"{name}_sum", labels, found["sum"]
        yield f"{name}_bucket", {**labels, "le": "+Inf"}, found["count"]
        for bucket in found["buckets"]:
            yield f"{name}_bucket", {**labels, "le": str(bucket["le"])}, bucket["count"]

    for answer in service["requests_by_answer"]:
        count, labels = answer["count"], {name: str(answer[name]) for name in ("route", "method", "status")}
        yield "http_requests_total", labels, count
    for entry in service["durations"]:
        yield from histogram("http_request_duration_seconds", entry["seconds"], route=entry["route"])
    for digit, count in enumerate(service["predictions"]):
        yield "predictions_total", {"digit": str(digit)}, count
    for reason, count in service["pictures_refused"].items():
        yield "pictures_refused_total", {"reason": reason}, count
    yield from histogram("prediction_confidence_ratio", service["confidence"])
    yield from histogram("prediction_batch_rows", service["batch_rows"])
    yield "http_requests_in_flight", {}, service["requests_in_flight"]
    yield "service_workers", {}, service["workers"]
    yield "service_worker_starts_total", {}, service["worker_starts"]
    yield "service_start_time_seconds", {}, service["start_time_seconds"]
    yield "service_info", {"version": service["version"]}, 1


@pytest.mark.parametrize(("accept", "parse"), [("text/plain", parse_text), (PROMETHEUS_3, parse_openmetrics)])
def test_both_forms_have_the_same_numbers(used, accept, parse):
    body = used.get("/metrics").json()
    found = samples(used.get("/metrics", headers={"accept": accept}), parse)
    expected = {(name, tuple(sorted(labels.items()))): value for name, labels, value in numbers(body["service"])}
    # The request for the JSON was counted after it was answered.
    scraped = {key for key in found if ("route", "/metrics") in key[1]}
    assert found[("http_requests_total", (("method", "GET"), ("route", "/metrics"), ("status", "200")))] == 1
    service = {key: value for key, value in found.items() if key not in scraped and not key[0].startswith("model_")}
    assert service == pytest.approx(expected)
    figures = {key[0]: value for key, value in found.items() if not key[1]}
    assert figures["model_accuracy_ratio"] == body["accuracy"]
    assert figures["model_log_loss"] == body["log_loss"]
    assert figures["model_calibration_error_ratio"] == body["calibration_error"]
    assert figures["model_held_out_rows"] == body["held_out"]["rows"]
    for digit in body["held_out"]["per_digit"]:
        label = (("digit", str(digit["digit"])),)
        assert found["model_recall_ratio", label] == digit["recall"]
        assert found["model_precision_ratio", label] == digit["precision"]
    ((info, value),) = [(dict(key[1]), value) for key, value in found.items() if key[0] == "model_info"]
    assert value == 1
    assert info == {name: str(body["model"][name]) for name in ("name", "version", "sha256", "recipe", "seed")}


def test_a_digit_that_is_never_read_right_has_a_recall_of_0_and_one_never_read_no_precision(used):
    report = used.get("/metrics").json()
    report["held_out"]["per_digit"][4] = {"digit": 4, "recall": 0.0, "precision": None}
    text = write_metrics(report, MetricsFormat.TEXT).decode()
    assert 'model_recall_ratio{digit="4"} 0.0\n' in text
    assert 'model_precision_ratio{digit="4"}' not in text


def test_the_service_says_what_it_did(used):
    service = used.get("/metrics").json()["service"]
    assert service["version"] == VERSION
    assert service["requests"] == 6
    assert {(a["route"], a["method"], a["status"], a["count"]) for a in answers(service)} == {
        ("/predict", "POST", 200, 1),
        ("/predict", "POST", 422, 1),
        ("/predict", "other", 405, 1),
        ("/predict/batch", "POST", 200, 1),
        ("/predict/picture", "POST", 422, 1),
        ("unmatched", "GET", 404, 1),
    }
    durations = [entry for entry in service["durations"] if entry["seconds"]["count"]]
    assert {entry["route"]: entry["seconds"]["count"] for entry in durations} == {
        "/predict": 3,
        "/predict/batch": 1,
        "/predict/picture": 1,
        "unmatched": 1,
    }
    assert all(0 < entry["seconds"]["sum"] < 30 for entry in durations)
    assert sum(service["predictions"]) == service["confidence"]["count"] == 4
    assert service["batch_rows"]["sum"] == 4
    assert service["batch_rows"]["count"] == 2
    assert service["pictures_refused"]["undecodable"] == sum(service["pictures_refused"].values()) == 1
    assert (service["workers"], service["worker_starts"]) == (1, 1)
    assert service["requests_in_flight"] == 1  # this one
    assert 0 < service["uptime_seconds"] < 60
    assert service["start_time_seconds"] + service["uptime_seconds"] == pytest.approx(time.time(), abs=5)
    assert [bucket["le"] for bucket in service["durations"][0]["seconds"]["buckets"]] == [
        *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
    ]
    assert [bucket["le"] for bucket in service["confidence"]["buckets"]] == [
        *(0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)
    ]
    assert [bucket["le"] for bucket in service["batch_rows"]["buckets"]] == [
        *(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
    ]


def test_what_is_asked_of_the_network_is_told_of_before_it_is_asked(make_client):
    """Prometheus takes a first value for the beginning, so what begins with 5 never grew to it."""
    service = make_client().get("/metrics").json()["service"]
    told = {(a["route"], a["method"], a["status"], a["count"]) for a in service["requests_by_answer"]}
    asked = {"/predict", "/predict/batch", "/predict/picture", "/v2/models/{name}/infer"}
    assert {(route, "POST", status, 0) for route in asked for status in (200, 500)} < told
    assert asked < {entry["route"] for entry in service["durations"]}


def test_a_client_that_leaves_is_counted_once_with_status_0(artefact):
    app = create_app(artefact, Settings())

    async def leave():
        return {"type": "http.disconnect"}

    async def send(_):
        raise AssertionError

    scope = {"type": "http", "method": "POST", "path": "/predict", "raw_path": b"/predict", "query_string": b""}
    asyncio.run(app({**scope, "root_path": "", "headers": []}, leave, send))
    service = InProcess(app).get("/metrics").json()["service"]
    assert [(a["route"], a["status"], a["count"]) for a in answers(service)] == [("/predict", 0, 1)]
    assert service["requests_in_flight"] == 1  # the one that asks


def test_what_a_caller_makes_up_becomes_no_series(make_client):
    client = make_client()
    for number in range(30):
        client.get(f"/{number}")
        client.get(f"/v2/models/{number}")
        client.request(f"M{number}", "/predict")
        client.get(f"/metrics?format={number}")
    service = client.get("/metrics").json()["service"]
    assert len(answers(service)) == 4
    assert len([entry for entry in service["durations"] if entry["seconds"]["count"]]) == 4


PLAIN = [("GET", path) for path in ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect")]


@pytest.mark.parametrize(("method", "template"), [*sorted(OPERATIONS), *PLAIN])
def test_a_request_is_counted_by_the_template_of_its_route(make_client, method, template):
    client = make_client()
    client.request(method, template.format(name="digits", version="2"))
    (answer,) = answers(client.get("/metrics").json()["service"])
    assert (answer["method"], answer["route"], answer["count"]) == (method, template, 1)


@pytest.mark.parametrize("path", ["/%7Bpath%7D", "/v2/models/%7Bname%7D/bogus", "/docs/"])
def test_what_only_looks_like_a_template_is_unmatched(make_client, path):
    client = make_client()
    client.get(path)
    (answer,) = answers(client.get("/metrics").json()["service"])
    assert answer["route"] == "unmatched"


def test_a_path_that_a_proxy_took_off_is_no_part_of_a_route(make_client):
    client = make_client()
    client.root_path = "/digits"
    for path in ("/", "/docs", "/main.js", "/predict"):
        client.get(f"/digits{path}")
    counted = answers(client.get("/digits/metrics").json()["service"])
    assert {(a["route"], a["count"]) for a in counted} == {("/{path}", 2), ("/docs", 1), ("/predict", 1)}


@pytest.mark.parametrize(("path", "route"), [("/livez", "/livez"), ("/style.css", "/{path}")])
def test_who_has_an_answer_finds_it_counted(artefact, path, route):
    async def conversation():
        app = create_app(artefact, Settings())
        sent = []

        async def send(message):
            if message["type"] == "http.response.body" and not message.get("more_body"):
                transport = httpx.ASGITransport(app)
                async with httpx.AsyncClient(transport=transport, base_url="http://digits") as other:
                    sent.append((await other.get("/metrics")).json()["service"])

        scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b""}
        stays = asyncio.Event().wait  # there is no body, and the client stays
        await app({**scope, "root_path": "", "headers": []}, stays, send)
        return sent

    (service,) = asyncio.run(conversation())
    assert [(a["route"], a["count"]) for a in answers(service)] == [(route, 1)]
    assert service["requests_in_flight"] == 1  # the one that asks


def test_files_of_the_page_are_one_route_and_what_there_is_not_is_none(make_client):
    client = make_client()
    for path in ("/", "/main.js", "/style.css", "/nowhere.js", "/main.js/"):
        client.get(path)
    counted = answers(client.get("/metrics").json()["service"])
    assert {(a["route"], a["status"], a["count"]) for a in counted} == {("/{path}", 200, 4), ("unmatched", 404, 1)}


PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(PROMTOOL is None and "CI" not in os.environ, reason="needs promtool, of Debian's prometheus")
@pytest.mark.parametrize("is_used", [False, True])
def test_promtool_finds_nothing_to_say(used, make_client, is_used):
    text = (used if is_used else make_client()).get("/metrics", params={"format": "prometheus"}).content
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=True)
    assert checked.stdout + checked.stderr == b""
