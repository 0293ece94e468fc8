"""Each request is counted once, under the template of its route and before its client has the whole answer."""

import asyncio
from collections import Counter

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from tests.asgi import request_scope, wait_forever
from tests.conftest import InProcess
from tests.counting import counted_requests
from tests.operations import OPERATIONS
from tests.samples import get_samples, values_by_label

# Routes outside the OpenAPI document.
UNDOCUMENTED_ROUTES = [("GET", path) for path in ("/docs", "/docs/{name}", "/openapi.json")]


def test_request_of_a_disconnected_client_is_counted_once_with_status_0(artefact):
    app = create_app(artefact, Settings())

    async def receive():
        return {"type": "http.disconnect"}

    async def send(_):
        raise AssertionError

    asyncio.run(app(request_scope("/predict"), receive, send))
    service = InProcess(app).get("/metrics").json()["service"]
    assert [(entry["route"], entry["status"], entry["count"]) for entry in counted_requests(service)] == [
        ("/predict", 0, 1)
    ]
    assert service["requests_in_flight"] == 1  # the request for the metrics


def test_paths_and_methods_chosen_by_the_caller_create_no_series(make_client):
    client = make_client()
    for number in range(30):
        client.get(f"/{number}")
        client.get(f"/v2/models/{number}")
        client.request(f"M{number}", "/predict")
        client.get(f"/metrics?format={number}")
    assert len(counted_requests(client.get("/metrics").json()["service"])) == 4
    assert len(values_by_label(get_samples(client), "http_request_duration_seconds_count", "route")) == 4


def test_requests_are_counted_once_under_the_templates_of_their_routes(make_client):
    client = make_client()

    def get_counts():
        """Count the requests by method and route. The request for the metrics is not in its own answer."""
        entries = counted_requests(client.get("/metrics").json()["service"])
        counts: Counter[tuple[str, str]] = Counter()
        for entry in entries:
            counts[entry["method"], entry["route"]] += entry["count"]
        return counts

    before = get_counts()
    for method, template in (*sorted(OPERATIONS), *UNDOCUMENTED_ROUTES):
        client.request(method, template.format(name="digits", version="3"))
        after = get_counts()
        assert after - before == Counter([(method, template), ("GET", "/metrics")])
        before = after


def test_paths_that_only_resemble_a_template_are_counted_as_unmatched(make_client):
    client = make_client()
    for path in ("/%7Bpath%7D", "/v2/models/%7Bname%7D/bogus", "/docs/"):
        client.get(path)
    entries = counted_requests(client.get("/metrics").json()["service"])
    assert {entry["route"] for entry in entries} == {"unmatched"}
    assert sum(entry["count"] for entry in entries) == 3


def test_path_prefix_of_a_proxy_is_no_part_of_a_route(make_client):
    client = make_client()
    client.root_path = "/digits"
    for path in ("/", "/docs", "/main.js", "/predict"):
        client.get(f"/digits{path}")
    entries = counted_requests(client.get("/digits/metrics").json()["service"])
    assert {(entry["route"], entry["count"]) for entry in entries} == {("/{path}", 2), ("/docs", 1), ("/predict", 1)}


@pytest.mark.parametrize(("path", "route"), [("/livez", "/livez"), ("/style.css", "/{path}")])
def test_request_is_counted_before_its_client_has_the_whole_answer(artefact, path, route):
    async def get_metrics_at_the_last_message():
        app = create_app(artefact, Settings())
        services = []

        async def send(message):
            if message["type"] == "http.response.body" and not message.get("more_body"):
                transport = httpx.ASGITransport(app)
                async with httpx.AsyncClient(transport=transport, base_url="http://digits") as client:
                    services.append((await client.get("/metrics")).json()["service"])

        await app(request_scope(path, method="GET"), wait_forever, send)
        return services

    (service,) = asyncio.run(get_metrics_at_the_last_message())
    assert [(entry["route"], entry["count"]) for entry in counted_requests(service)] == [(route, 1)]
    assert service["requests_in_flight"] == 1  # the request for the metrics


def test_all_files_of_the_page_are_one_route_and_missing_files_are_unmatched(make_client):
    client = make_client()
    for path in ("/", "/main.js", "/style.css", "/nowhere.js", "/main.js/"):
        client.get(path)
    entries = counted_requests(client.get("/metrics").json()["service"])
    assert {(entry["route"], entry["status"], entry["count"]) for entry in entries} == {
        ("/{path}", 200, 4),
        ("unmatched", 404, 1),
    }
