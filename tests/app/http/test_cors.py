"""Pages of other origins may call the service only if a setting allows their origin."""

import json
from itertools import product

import pytest
from pydantic import ValidationError

from app.api.schemas import EXAMPLE_IMAGE
from app.settings import Settings
from tests.hostile import INFER, message, tensor

ORIGIN = "https://example.org"
OTHER = "https://example.org:8443"
REQUESTS = {
    "prediction": ("POST", "/predict", {"json": {"pixels": EXAMPLE_IMAGE}}, 200),
    "invalid body": ("POST", "/predict", {"content": b"{"}, 422),
    "rejected head": ("GET", "/livez", {"headers": {"X-Large": "x" * 70_000}}, 431),
    "inference": ("POST", INFER, {"json": message(tensor())}, 200),
    "unknown model": ("POST", "/v2/models/other/infer", {"content": b"{}"}, 404),
    "unknown path": ("GET", "/nowhere", {}, 404),
    "wrong method": ("DELETE", "/predict", {}, 405),
    "page": ("GET", "/", {}, 200),
}
ORIGINS = [(ORIGIN,), ("https://other.example", ORIGIN), ("*",)]


def cors_client(make_client, *origins):
    return make_client(cors_origins=origins)


def cors_headers(reply):
    """Return the headers of a reply that concern other origins."""
    return {name: value for name, value in reply.headers.items() if name.startswith("access-control-")}


def request(client, method, path, options, origin=ORIGIN):
    headers = {"Origin": origin, **options.get("headers", {})}
    return client.request(method, path, **{**options, "headers": headers})


def preflight(client, path, *header_names, origin=ORIGIN, method="POST"):
    names = {"Access-Control-Request-Headers": ", ".join(header_names)} if header_names else {}
    headers = {"Origin": origin, "Access-Control-Request-Method": method, **names}
    return client.request("OPTIONS", path, headers=headers)


@pytest.mark.parametrize("name", REQUESTS)
def test_answers_have_no_such_headers_by_default(client, name):
    method, path, options, status = REQUESTS[name]
    reply = request(client, method, path, options)
    assert (reply.status_code, cors_headers(reply)) == (status, {})


def test_preflight_is_another_method_by_default(client):
    reply = preflight(client, "/predict")
    assert (reply.status_code, cors_headers(reply)) == (405, {})


@pytest.mark.parametrize(("name", "origins"), [*product(REQUESTS, ORIGINS)])
def test_every_answer_and_error_can_be_read_from_an_allowed_origin(make_client, name, origins):
    method, path, options, status = REQUESTS[name]
    reply = request(cors_client(make_client, *origins), method, path, options)
    assert reply.status_code == status
    assert reply.headers["access-control-allow-origin"] == ("*" if origins == ("*",) else ORIGIN)
    exposed = reply.headers["access-control-expose-headers"].lower().split(", ")
    assert set(exposed) == {"x-request-id", "retry-after", "inference-header-content-length"}
    assert "x-request-id" in reply.headers
    assert "Origin" in reply.headers["vary"]


@pytest.mark.parametrize("origin", [OTHER, "http://example.org", "null"])
def test_answers_cannot_be_read_from_another_origin(make_client, origin):
    client = cors_client(make_client, ORIGIN)
    reply = request(client, *REQUESTS["prediction"][:3], origin)
    assert "access-control-allow-origin" not in reply.headers
    assert preflight(client, "/predict", origin=origin).status_code == 400


@pytest.mark.parametrize(
    "origin",
    [
        *("https://a.b-c.example:8443", "http://127.0.0.1:8000", "http://[::1]:8000", "http://a_b.example"),
        *("https://example.org:4430", "https://example.org:80", "http://example.org:443"),
        *("app://x", "chrome-extension://abcdef", "web2+app.x://a"),
    ],
)
def test_setting_accepts_origins_in_the_form_of_browsers(monkeypatch, origin):
    monkeypatch.setenv("DIGITS_CORS_ORIGINS", json.dumps([origin, "*"]))
    assert Settings().cors_origins == (origin, "*")


@pytest.mark.parametrize("text", ["", "[]"])
def test_setting_may_be_empty(monkeypatch, text):
    monkeypatch.setenv("DIGITS_CORS_ORIGINS", text)
    assert Settings().cors_origins == ()


@pytest.mark.parametrize(
    "origin",
    [
        *("https://example.org/", "https://example.org/page", "https://Example.org", "example.org", "https://*.org"),
        *("https://example.org:443", "http://example.org:80"),
        *("https://", "://example.org", "1a://example.org"),
        *("https://a.example https://b.example", "https://example.org\n", "null", "", None, 1, ["https://example.org"]),
    ],
)
def test_setting_rejects_texts_that_no_browser_sends_as_origin(monkeypatch, origin):
    monkeypatch.setenv("DIGITS_CORS_ORIGINS", json.dumps([origin]))
    with pytest.raises(ValidationError, match="must be a JSON list of origins such as"):
        Settings()


@pytest.mark.parametrize("text", ["*", '"*"', "{}", "1", "null", "https://example.org", "[" * 100_000])
def test_setting_rejects_texts_that_are_no_list(monkeypatch, text):
    monkeypatch.setenv("DIGITS_CORS_ORIGINS", text)
    with pytest.raises(ValidationError, match="must be a JSON list of origins such as"):
        Settings()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("path", ["/predict", INFER, "/nowhere"])
def test_preflight_needs_no_id_and_is_not_counted(make_client, path, method):
    client = cors_client(make_client, ORIGIN)
    names = ("authorization", "content-encoding", "content-type", "inference-header-content-length")
    further_names = ("traceparent", "tracestate", "x-api-key", "x-request-id")
    reply = preflight(client, path, *names, *further_names, method=method)
    assert reply.status_code == 200
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert reply.headers["access-control-max-age"] == "600"
    assert "x-request-id" not in reply.headers
    assert client.get("/metrics").json()["service"]["requests"] == 0


def test_other_headers_and_methods_are_not_allowed(make_client):
    client = cors_client(make_client, ORIGIN)
    assert preflight(client, "/predict", "x-other").status_code == 400
    assert all(preflight(client, "/predict", method=name).status_code == 400 for name in ("PUT", "PATCH", "DELETE"))


def test_error_500_can_be_read_from_an_allowed_origin(make_client):
    client = cors_client(make_client, ORIGIN)

    @client.app.get("/fails")
    async def fail():
        raise ZeroDivisionError

    client.app.router.routes.insert(0, client.app.router.routes.pop())  # before the route of the page
    reply = request(client, "GET", "/fails", {})
    assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (500, ORIGIN)


def test_request_without_origin_gets_no_such_headers(make_client):
    reply = cors_client(make_client, ORIGIN).post("/predict", json={"pixels": EXAMPLE_IMAGE})
    assert (reply.status_code, cors_headers(reply)) == (200, {})
