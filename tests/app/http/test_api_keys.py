"""Keys: which requests need one, how a client sends it, and what it learns without one."""

import json
from hmac import compare_digest

import pytest
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr, ValidationError

from app.api.documentation import DOCUMENTATION_PATHS
from app.api.page import PAGE_PATHS
from app.api.schemas import EXAMPLE_IMAGE
from app.http import api_keys
from app.http.request_head import EXCESS_CONNECTION_KEY
from app.main import create_app
from app.settings import Settings
from tests.asgi import call_without_body, request_scope
from tests.conftest import InProcess
from tests.counting import counted_requests
from tests.hostile import INFER
from tests.operations import OPERATIONS

KEY, OTHER_KEY = "a-key!", "another/key=="
IMAGE = {"pixels": EXAMPLE_IMAGE}
OIP_HEALTH = {"/v2/health/live", "/v2/health/ready"}
MODEL = ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")
# The decision for each route. A test fails for a route that is in neither of the two sets.
NEEDS_KEY = {
    *("/predict", "/predict/batch", "/predict/picture"),
    *("/v2", "/v2/", "/v2/models", "/v2/models/stats", "/v2/repository/index"),
    *(f"{model}{path}" for model in MODEL for path in ("", "/config", "/stats", "/infer")),
    *(f"/v2/repository/models/{{name}}/{action}" for action in ("load", "unload")),
    *("/v2/trace/setting", "/v2/models/{name}/trace/setting", "/v2/logging"),
    *("/v2/systemsharedmemory/{address:path}", "/v2/cudasharedmemory/{address:path}"),
}
OPEN = {"/livez", "/readyz", "/metrics", *OIP_HEALTH, *(f"{model}/ready" for model in MODEL)}
OPEN_OUTSIDE_THE_DOCUMENT = {"/openapi.json", "/docs", "/docs/{name}"}
SOME_ADDRESSES = {"{name}": "digits", "{version}": "3", "{address:path}": "region/0/status"}


def address(template):
    """Return a path that a template matches."""
    if template == "/docs/{name}":
        return "/docs/swagger-ui.css"
    for part, value in SOME_ADDRESSES.items():
        template = template.replace(part, value)
    return template


@pytest.fixture(scope="module")
def keyed_client(make_client):
    return make_client(api_keys=(KEY, OTHER_KEY))


def routes(app):
    """List the methods and the template of each route, except routes to files."""
    contexts = [route for route in iter_route_contexts(app.routes) if route.path is not None]
    return {(method, route.path) for route in contexts for method in route.methods or () if method != "HEAD"}


def test_each_route_has_a_decision_about_its_key(artefact):
    decided = NEEDS_KEY | OPEN | OPEN_OUTSIDE_THE_DOCUMENT
    assert {template for _, template in routes(create_app(artefact, Settings()))} == decided
    assert {template for _, template in OPERATIONS} <= decided


def test_a_request_without_a_key_gets_a_401_exactly_where_a_key_is_needed(artefact, keyed_client):
    for method, template in routes(create_app(artefact, Settings())):
        status = keyed_client.request(method, address(template)).status_code
        assert (status == 401) == (template in NEEDS_KEY), (method, template, status)


@pytest.mark.parametrize("path", sorted(PAGE_PATHS | DOCUMENTATION_PATHS))
def test_page_and_documentation_need_no_key(keyed_client, path):
    assert keyed_client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/nothing", "/v2/nothing", "/predict/", "//predict", "/PREDICT", "/docs/nothing", "/docs/", "/livez/x"),
        *(
            "/v2/models/digits/versions/ready",
            "/v2/models/digits/infer/ready",
            "/v2/health/ready/",
            "/v2/models//ready",
        ),
        *("/../predict", "/livez/../predict", "/livez/", "livez", "", "/LIVEZ", "/Docs", "/metrics/", "/metrics//"),
    ],
)
def test_paths_that_resemble_open_ones_need_a_key_and_tell_nothing_about_the_model(artefact, path):
    app = create_app(artefact, Settings(api_keys=(SecretStr(KEY),)))
    status, _, body = call_without_body(app, request_scope(path, method="GET"))
    assert status == 401
    assert b"digits" not in body.replace(b"urn:digits:", b"")


@pytest.mark.parametrize("key", [KEY, OTHER_KEY])
@pytest.mark.parametrize(
    "header",
    [
        ("Authorization", "Bearer {}"),
        ("authorization", "bearer {}"),
        ("AUTHORIZATION", "BEARER  {} "),
        ("X-API-Key", "{}"),
        ("x-api-key", " {}\t"),
    ],
)
def test_each_key_is_accepted_in_both_headers(keyed_client, key, header):
    name, value = header
    assert keyed_client.post("/predict", json=IMAGE, headers={name: value.format(key)}).json()["digit"] == 3


WRONG = [
    {},
    {"X-API-Key": ""},
    {"X-API-Key": KEY[:-1]},
    {"X-API-Key": f"{KEY}x"},
    {"X-API-Key": KEY.upper()},
    {"X-API-Key": f"Bearer {KEY}"},
    {"X-API-Key": f"{KEY},{OTHER_KEY}"},
    {"X-API-Key": "é" * 10},
    {"Authorization": KEY},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer "},
    {"Authorization": f"Bearer{KEY}"},
    {"Authorization": f"Basic {KEY}"},
    {"Authorization": f"Digest {KEY}"},
    {"Authorization": f"Bearer {KEY} {KEY}"},
    {"Authorization": "Bearer " + "x" * 60_000},
    {"Cookie": f"key={KEY}"},
]


@pytest.mark.parametrize("headers", WRONG, ids=range(len(WRONG)))
def test_a_missing_key_and_every_wrong_one_get_the_same_answer(keyed_client, headers):
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    expected = keyed_client.post("/predict", json=IMAGE)
    reply = keyed_client.post("/predict", json=IMAGE, headers=encoded)
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == 'Bearer realm="digits"'
    assert reply.content == expected.content
    assert {**reply.headers, "x-request-id": ""} == {**expected.headers, "x-request-id": ""}


def test_a_key_in_the_query_is_not_accepted(keyed_client):
    assert keyed_client.post(f"/predict?api_key={KEY}&key={KEY}", json=IMAGE).status_code == 401


def test_one_valid_header_is_enough(keyed_client):
    for headers in (
        {"Authorization": "Basic dXNlcjpwYXNz", "X-API-Key": KEY},
        {"Authorization": f"Bearer {KEY}", "X-API-Key": "wrong"},
    ):
        assert keyed_client.post("/predict", json=IMAGE, headers=headers).status_code == 200


def test_error_is_a_problem_document_and_below_v2_an_object_with_its_error(keyed_client):
    reply = keyed_client.post("/predict/batch", json={"images": [EXAMPLE_IMAGE]})
    assert reply.headers["content-type"] == "application/problem+json"
    assert (reply.json()["type"], reply.json()["status"]) == ("urn:digits:problem:unauthorized", 401)
    reply = keyed_client.post(INFER, json={})
    assert (reply.status_code, reply.json()) == (401, {"error": "This address needs a valid API key."})


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
@pytest.mark.parametrize("path", ["/predict", "/predict/picture", INFER, "/v2/models"])
def test_no_method_avoids_the_key(keyed_client, method, path):
    assert keyed_client.request(method, path).status_code == 401


@pytest.mark.parametrize("sent", [KEY, KEY[:1], "x", "x" * 200])
def test_a_key_is_compared_with_all_keys_in_constant_time(artefact, monkeypatch, sent):
    compared: list[tuple[bytes, bytes]] = []

    def compare_and_record(first, second):
        compared.append((first, second))
        return compare_digest(first, second)

    monkeypatch.setattr(api_keys, "compare_digest", compare_and_record)
    client = InProcess(create_app(artefact, Settings(api_keys=(SecretStr(KEY), SecretStr(OTHER_KEY)))))
    assert (client.post("/predict", json=IMAGE, headers={"X-API-Key": sent}).status_code == 200) == (sent == KEY)
    assert len(compared) == 2
    assert {len(part) for pair in compared for part in pair} == {len(OTHER_KEY)}


def test_a_valid_key_does_not_excuse_an_unacceptable_head(artefact):
    app, key = create_app(artefact, Settings(api_keys=(SecretStr(KEY),))), (b"x-api-key", KEY.encode())
    large_head = request_scope("/predict", key, (b"x-large", b"x" * 70_000))
    two_hosts = request_scope("/predict", key, (b"host", b"a"), (b"host", b"b"))
    excess = request_scope("/predict", key, **{EXCESS_CONNECTION_KEY: True})
    assert [call_without_body(app, scope)[0] for scope in (large_head, two_hosts, excess)] == [431, 400, 503]


def test_key_is_checked_before_the_body_is_received(artefact):
    app = create_app(artefact, Settings(api_keys=(SecretStr(KEY),)))
    for path in ("/predict", "/predict/picture", INFER):
        status, _, _ = call_without_body(app, request_scope(path, (b"content-length", b"1000000")))
        assert status == 401


@pytest.mark.parametrize(("needs_key", "status"), [(False, 200), (True, 401)])
def test_a_setting_decides_whether_the_metrics_need_a_key(make_client, needs_key, status):
    client = make_client(api_keys=(KEY,), metrics_needs_key=needs_key)
    assert client.get("/metrics").status_code == status
    assert client.request("HEAD", "/metrics?format=prometheus").status_code == status
    assert client.get("/metrics", headers={"X-API-Key": KEY}).status_code == 200


def test_without_keys_every_request_passes(client):
    assert client.post("/predict", json=IMAGE, headers={"X-API-Key": "any", "Authorization": "Bearer any"}).is_success


def test_rejected_requests_are_counted_with_their_status(make_client):
    client = make_client(api_keys=(KEY,))
    client.post("/predict", json=IMAGE)
    client.post(INFER, json={})
    counted = counted_requests(client.get("/metrics").json()["service"])
    assert {(entry["route"], entry["status"], entry["count"]) for entry in counted} == {
        ("/predict", 401, 1),
        ("/v2/models/{name}/infer", 401, 1),
    }


def test_page_of_another_origin_can_send_a_key_and_see_the_error(make_client):
    client, origin = make_client(api_keys=(KEY,), cors_origins=("https://example.org",)), "https://example.org"
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key, authorization"}
    assert client.request("OPTIONS", "/predict", headers={"Origin": origin, **preflight}).status_code == 200
    reply = client.post("/predict", json=IMAGE, headers={"Origin": origin})
    assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (401, origin)


def test_a_proxys_prefix_changes_no_decision(artefact):
    client = InProcess(create_app(artefact, Settings(api_keys=(SecretStr(KEY),), root_path="/livez")))
    client.root_path = "/livez"
    assert client.get("/livez/livez").status_code == 200
    assert client.post("/livez/predict", json=IMAGE).status_code == 401


def test_settings_show_no_key_in_any_text():
    settings = Settings(api_keys=(SecretStr(KEY),))
    assert KEY not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert KEY not in json.dumps(settings.model_dump(mode="json"))


@pytest.mark.parametrize("value", [f'["{KEY}", "two words"]', f'[["{KEY}"]]', f'{{"{KEY}": 1}}', KEY])
def test_error_of_invalid_settings_shows_no_key_in_any_text(monkeypatch, value):
    monkeypatch.setenv("DIGITS_API_KEYS", value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert KEY not in f"{caught.value} {caught.value!r}"
