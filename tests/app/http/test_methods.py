"""HEAD is answered wherever GET is, and every 405 lists the methods that the address takes."""

import pytest

from app.api.documentation import DOCUMENTATION_PATHS
from app.api.page import PAGE_PATHS
from tests.asgi import call, read_answer, request_scope
from tests.operations import OPERATIONS
from tests.samples import get_samples

NAMES = {"name": "digits", "version": "3"}
GET_PATHS = [
    *sorted(path.format_map(NAMES) for method, path in OPERATIONS if method == "GET"),
    *("/v2/", *sorted(DOCUMENTATION_PATHS | PAGE_PATHS)),
]
POST_PATHS = sorted(path.format_map(NAMES) for method, path in OPERATIONS if method == "POST")
VARYING_HEADERS = {"x-request-id", "content-length", "date"}


@pytest.mark.parametrize("path", GET_PATHS)
def test_head_is_answered_like_get(client, path):
    get, head = client.get(path), client.request("HEAD", path)
    assert get.status_code == head.status_code == 200
    for name in set(get.headers) - VARYING_HEADERS:
        assert head.headers[name] == get.headers[name]
    assert set(head.headers) == set(get.headers)


@pytest.mark.parametrize("path", ["/nothing", "/v2/models/other", "/v2/nothing"])
def test_head_of_an_unknown_address_is_a_404(client, path):
    assert client.request("HEAD", path).status_code == client.get(path).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("path", GET_PATHS)
def test_other_methods_at_the_address_of_a_get_get_a_405_that_allows_get_and_head(client, path, method):
    reply = client.request(method, path)
    assert (reply.status_code, reply.headers["allow"]) == (405, "GET, HEAD")
    assert "This address takes GET, HEAD." in reply.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", POST_PATHS)
def test_other_methods_at_the_address_of_a_post_get_a_405_that_allows_post(client, path, method):
    reply = client.request(method, path)
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


def test_head_is_counted_under_its_own_method(make_client):
    client = make_client()
    client.request("HEAD", "/livez")
    client.get("/livez")
    samples = get_samples(client)
    for method in ("HEAD", "GET"):
        labels = (("method", method), ("route", "/livez"), ("status", "200"))
        assert samples["http_requests_total", labels] == 1


def test_scope_of_a_head_request_stays_unchanged_for_the_server(client):
    scope = request_scope("/livez", method="HEAD")
    assert read_answer(call(client.app, scope))[0] == 200
    assert scope["method"] == "HEAD"  # by which the server leaves the body out
