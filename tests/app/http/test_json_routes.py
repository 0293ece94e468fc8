"""Requests to JSON endpoints find them without the routes of FastAPI, and are counted under their routes."""

import dataclasses
import json
from collections import Counter
from functools import partial

import pytest
from opentelemetry.sdk.trace import TracerProvider
from starlette.applications import Starlette
from starlette.routing import Mount

from app.main import create_app
from app.settings import Settings
from tests.asgi import DISCONNECT, JSON, body_messages, call, post, read_answer, request_scope, split
from tests.conftest import InProcess
from tests.json_endpoints import TEMPLATES, VALID_BODIES


@pytest.fixture(scope="module", params=["untraced", "traced"])
def make_app(artefact, request):
    """Return a function that creates a service with counters of its own, without tracing and with it."""

    def make():
        provider = TracerProvider(shutdown_on_exit=False) if request.param == "traced" else None
        return create_app(artefact, Settings(max_batch_rows=3), tracer_provider=provider)

    return make


@pytest.fixture(scope="module")
def app(make_app):
    return make_app()


@pytest.fixture(scope="module")
def app_without_routes(make_app):
    app = make_app()
    app.router.routes.clear()
    return app


def get_service(app, root_path=""):
    """Return the counts of a service, which `/metrics` reports."""
    return InProcess(app, root_path).get(f"{root_path}/metrics").json()["service"]


class Counts:
    """What a service has counted since this object was created, apart from requests for its metrics."""

    def __init__(self, app, root_path=""):
        self._get = partial(get_service, app, root_path)
        self._before = self._get()

    def requests(self):
        """Return the counts of requests, by route, method and status."""
        after, before = (
            Counter({(entry["route"], entry["method"], entry["status"]): entry["count"] for entry in entries})
            for entries in (self._get()["requests_by_answer"], self._before["requests_by_answer"])
        )
        return {labels: count for labels, count in (after - before).items() if labels[0] != "/metrics"}

    def predictions(self):
        """Return the number of predictions of each digit."""
        return [
            after - before
            for after, before in zip(self._get()["predictions"], self._before["predictions"], strict=True)
        ]


@pytest.mark.parametrize("root_path", ["", "/digits"])
@pytest.mark.parametrize(("path", "template"), TEMPLATES.items())
def test_requests_are_counted_under_their_route_however_they_are_delivered(app, path, template, root_path):
    counts, invalid = Counts(app, root_path), 400 if path.startswith("/v2") else 422
    for cuts in ([], [50], [0, 50, 50]):
        for has_length in (True, False):
            delivery = {"cuts": cuts, "has_length": has_length, "root_path": root_path}
            assert post(app, path, VALID_BODIES[path], **delivery)[0] == 200
            assert post(app, path, b"{}", **delivery)[0] == invalid
    assert counts.requests() == {(template, "POST", 200): 6, (template, "POST", invalid): 6}
    assert counts.predictions() == [0, 0, 0, 6, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("received", [0, 1, 2], ids=["before", "in_the_middle_of", "later_in"])
@pytest.mark.parametrize(("path", "template"), TEMPLATES.items())
def test_client_that_disconnects_before_the_end_of_its_body_gets_nothing(app, path, template, received):
    counts, chunks = Counts(app), split(VALID_BODIES[path], 50, 100)
    scope = request_scope(path, JSON, (b"content-length", b"%d" % len(VALID_BODIES[path])))
    assert call(app, scope, [*body_messages(*chunks)[:received], DISCONNECT]) == []
    assert counts.requests() == {(template, "POST", 0): 1}
    assert sum(counts.predictions()) == 0
    assert get_service(app)["requests_in_flight"] == 1  # the request for the metrics


@pytest.mark.parametrize("root_path", ["", "/digits"])
@pytest.mark.parametrize("path", TEMPLATES)
def test_json_endpoint_is_found_without_the_routes_of_the_framework(app, app_without_routes, path, root_path):
    bodies = (VALID_BODIES[path], VALID_BODIES[path].ljust(9000), b"{}")
    answers = [post(app, path, body, pieces=3, root_path=root_path) for body in bodies]
    assert [post(app_without_routes, path, body, pieces=3, root_path=root_path) for body in bodies] == answers
    assert [status for status, _, _ in answers[:2]] == [200, 200]
    assert post(app_without_routes, f"{path}/x", bodies[0], root_path=root_path)[0] == 404


def test_application_answers_all_requests_where_it_is_mounted_in_another_application(app):
    outer = Starlette(routes=[Mount("/outer", app)])
    for path, body in VALID_BODIES.items():
        assert InProcess(outer).post(f"/outer{path}", content=body).status_code == 200
    assert InProcess(outer).get("/outer/livez").status_code == 200
    assert InProcess(outer).get("/outer/predict").status_code == 405


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "post"])
@pytest.mark.parametrize("path", TEMPLATES)
def test_other_methods_at_a_json_endpoint_get_a_405(app, path, method):
    scope = request_scope(path, JSON, method=method)
    status, headers, _ = read_answer(call(app, scope, body_messages(VALID_BODIES[path])))
    assert (status, dict(headers)[b"allow"]) == (405, b"POST")


@pytest.mark.parametrize(
    "path", ["/predict/", "/predict/batch/", "/predict//batch", "/PREDICT", "/v2/models/digits/infer/"]
)
def test_path_that_only_resembles_a_json_endpoint_is_no_prediction(app, path):
    counts = Counts(app)
    assert post(app, path, VALID_BODIES["/predict"])[0] in {307, 404, 405}
    assert sum(counts.predictions()) == 0


class FailingNetwork:
    """A network that counts its calls, and fails."""

    def __init__(self):
        self.calls = 0

    def probabilities(self, _):
        self.calls += 1
        raise ZeroDivisionError("a secret")


@pytest.fixture(scope="module", params=["untraced", "traced"])
def failing_service(artefact, request):
    """A service whose network fails, and this network."""
    network = FailingNetwork()
    provider = TracerProvider(shutdown_on_exit=False) if request.param == "traced" else None
    return create_app(dataclasses.replace(artefact, network=network), Settings(), tracer_provider=provider), network


@pytest.mark.parametrize(("path", "template"), TEMPLATES.items())
def test_endpoint_that_fails_gets_a_500_and_one_log_line_and_is_called_once(failing_service, caplog, path, template):
    app, network = failing_service
    counts, calls_before = Counts(app), network.calls
    status, headers, body = post(app, path, VALID_BODIES[path], cuts=[2])
    is_oip = path.startswith("/v2")
    assert (status, network.calls - calls_before) == (500, 1)
    assert (b"content-type", b"application/json" if is_oip else b"application/problem+json") in headers
    assert json.loads(body)["error" if is_oip else "detail"] == "The service failed."
    (record,) = caplog.records
    assert (record.route, record.exc_info[0]) == (template, ZeroDivisionError)
    assert counts.requests() == {(template, "POST", 500): 1}
