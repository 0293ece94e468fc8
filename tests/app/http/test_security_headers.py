"""Every answer has the security headers, each of them once."""

from typing import Any

import pytest

from app.api.page import PAGE_PATHS
from app.api.schemas import EXAMPLE_IMAGE
from app.http.security_headers import SECURITY_HEADERS
from tests.conftest import ROOT
from tests.hostile import INFER, message, tensor
from tests.operations import OPERATIONS

# The requirements, independent of the code.
EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
NOTHING = "default-src 'none'; frame-ancestors 'none'"
IMAGE = {"pixels": EXAMPLE_IMAGE}
# Name → method, path, options of the request, status.
ANSWERS: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "prediction": ("POST", "/predict", {"json": IMAGE}, 200),
    "batch": ("POST", "/predict/batch", {"json": {"images": [EXAMPLE_IMAGE]}}, 200),
    "inference": ("POST", INFER, {"json": message(tensor())}, 200),
    "invalid input": ("POST", "/predict", {"json": {}}, 422),
    "invalid picture": (
        "POST",
        "/predict/picture",
        {"content": b"none", "headers": {"content-type": "image/png"}},
        422,
    ),
    "unsupported picture": ("POST", "/predict/picture", {"content": b"none"}, 422),
    "invalid inference": ("POST", INFER, {"json": {}}, 400),
    "unsupported": ("POST", "/v2/repository/models/digits/load", {}, 501),
    "unknown path": ("GET", "/nothing", {}, 404),
    "unknown path below v2": ("GET", "/v2/nothing", {}, 404),
    "other method": ("DELETE", "/predict", {}, 405),
    "method of a file": ("POST", "/style.css", {}, 405),
    "large head": ("GET", "/livez", {"headers": {"x-large": "x" * 70_000}}, 431),
    "redirect": ("GET", "/livez/", {}, 307),
    "unchanged file": ("GET", "/style.css", {"headers": {"if-none-match": "*"}}, 304),
    "part of a file": ("GET", "/style.css", {"headers": {"range": "bytes=0-9"}}, 206),
    "no such part of a file": ("GET", "/style.css", {"headers": {"range": "bytes=999999-"}}, 416),
    "metrics": ("GET", "/metrics", {}, 200),
    "metrics as text": ("GET", "/metrics?format=prometheus", {}, 200),
    "file of the documentation": ("GET", "/docs/swagger-ui.css", {}, 200),
    "unknown file of the documentation": ("GET", "/docs/nothing", {}, 404),
    "preflight request that is not configured": (
        "OPTIONS",
        "/predict",
        {"headers": {"origin": "https://a.example"}},
        405,
    ),
}


def assert_headers(reply, policy=NOTHING):
    names = [name.lower() for name, _ in reply.headers.multi_items()]
    assert all(names.count(name.decode()) == 1 for name, _ in SECURITY_HEADERS)
    assert EVERYWHERE.items() <= dict(reply.headers).items()
    assert reply.headers["content-security-policy"] == policy
    assert not {"server", "x-powered-by", "via"} & set(names)


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_and_errors_have_the_headers(client, name):
    method, path, options, status = ANSWERS[name]
    reply = client.request(method, path, **options)
    assert reply.status_code == status
    assert_headers(reply)


@pytest.mark.parametrize(("method", "path"), sorted(OPERATIONS))
def test_every_operation_has_the_headers(client, method, path):
    assert_headers(client.request(method, path.format(name="digits", version="3")))


@pytest.mark.parametrize("path", [*sorted(PAGE_PATHS), "/openapi.json"])
def test_every_file_has_the_headers(client, path):
    reply = client.get(path)
    assert_headers(
        reply, policy=NOTHING if path not in {"/", "/index.html"} else reply.headers["content-security-policy"]
    )


def test_an_unhandled_error_and_a_wrong_key_have_the_headers(make_client):
    def fail():
        raise OSError

    broken = make_client(is_draining=fail).get("/readyz")
    assert broken.status_code == 500
    assert_headers(broken)
    assert_headers(make_client(api_keys=("key",)).post("/predict", json=IMAGE))


def test_answers_to_pages_of_other_origins_have_the_headers(make_client):
    client, origin = make_client(cors_origins=("https://example.org",)), {"Origin": "https://example.org"}
    for method in ("POST", "PUT"):  # allowed, and not allowed
        assert_headers(
            client.request("OPTIONS", "/predict", headers={**origin, "Access-Control-Request-Method": method})
        )
    assert_headers(client.post("/predict", json=IMAGE, headers=origin))


@pytest.mark.parametrize("name", ["prediction", "batch", "inference", "invalid input", "invalid inference"])
def test_predictions_and_their_errors_are_not_stored(client, name):
    method, path, options, _ = ANSWERS[name]
    assert client.request(method, path, **options).headers["cache-control"] == "no-store"


def test_prediction_of_a_picture_is_not_stored(client):
    picture = (ROOT / "tests" / "cases" / "one-with-foot.png").read_bytes()
    reply = client.post("/predict/picture", content=picture, headers={"content-type": "image/png"})
    assert (reply.status_code, reply.headers["cache-control"]) == (200, "no-store")
