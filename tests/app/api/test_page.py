"""`GET /`: the page, its files and their headers."""

import pytest

from tests.asgi import must_not_be_called
from tests.conftest import ROOT

FILES = sorted(path.name for path in (ROOT / "app" / "page").iterdir())


def test_page_is_served(client):
    reply = client.get("/")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert 'id="digit"' in reply.text


@pytest.mark.parametrize("name", ["", *FILES])
def test_every_file_is_served_with_a_policy_that_allows_only_the_pages_own_content(client, name):
    reply = client.get(f"/{name}")
    assert reply.status_code == 200
    policy = dict(rule.strip().split(" ", 1) for rule in reply.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert not any(source in str(policy) for source in ("http", "*", "data:", "'unsafe-inline'", "'unsafe-eval'"))
    assert reply.headers["x-content-type-options"] == "nosniff"
    if name in {"", "index.html"}:
        assert policy["base-uri"] == policy["form-action"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["img-src"] == "'self' blob:"  # a picture from a file is a blob


def test_unchanged_file_is_not_sent_again(client):
    etag = client.get("/style.css").headers["etag"]
    reply = client.get("/style.css", headers={"if-none-match": etag})
    assert reply.status_code == 304
    assert reply.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["/nope", "/page/index.html", "/../main.py", "/..%2fmain.py", "/%2e%2e/main.py", "/%00"]
)
def test_other_paths_are_not_found_even_if_html_is_accepted(client, path):
    reply = client.get(path, headers={"accept": "text/html"})
    assert reply.status_code == 404
    assert reply.headers["content-type"] == "application/problem+json"


def test_path_with_many_slashes_is_not_searched_in_the_folder_of_the_page(client, monkeypatch):
    monkeypatch.setattr("os.path.realpath", must_not_be_called)
    assert client.get("/" + "a/" * 30_000).status_code == 404


def test_page_takes_only_get_and_head(client):
    assert client.request("HEAD", "/").status_code == 200
    for method in ("POST", "PUT", "DELETE"):
        assert client.request(method, "/").status_code == 405
