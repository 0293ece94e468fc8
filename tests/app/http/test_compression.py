"""The largest replies are compressed for clients that accept gzip."""

import gzip

import pytest

from tests.asgi import body_messages, call, request_scope

PATHS = ["/main.js", "/metrics"]


def answer(app, path, accepted, *headers, method="GET"):
    """Request a reply, and return its status, its headers and its body as it is sent."""
    accept_encoding = [(b"accept-encoding", accepted.encode())] if accepted else []
    start, *parts = call(app, request_scope(path, *accept_encoding, *headers, method=method), body_messages(b""))
    body = b"".join(part.get("body", b"") for part in parts)
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, body


@pytest.mark.parametrize("accepted", ["gzip", "br, GZIP;q=0.5", "deflate, gzip;q=1.0, *;q=0"])
@pytest.mark.parametrize("path", PATHS)
def test_reply_is_compressed_for_clients_that_accept_gzip(client, path, accepted):
    _, _, plain = answer(client.app, path, "identity")
    status, headers, body = answer(client.app, path, accepted)
    assert (status, headers["content-encoding"]) == (200, "gzip")
    assert headers.get("content-length", str(len(body))) == str(len(body))
    assert len(body) < len(plain)
    assert gzip.decompress(body)[:100] == plain[:100]  # the metrics end with figures that change


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "x-gzipped", "*;q=0"])
@pytest.mark.parametrize("path", PATHS)
def test_reply_is_not_compressed_for_other_clients(client, path, accepted):
    status, headers, body = answer(client.app, path, accepted)
    assert (status, "content-encoding" in headers) == (200, False)
    assert headers["content-length"] == str(len(body))


@pytest.mark.parametrize("accepted", ["identity", "gzip"])
@pytest.mark.parametrize("path", PATHS)
def test_caches_know_that_the_reply_depends_on_accept_encoding(client, path, accepted):
    assert "Accept-Encoding" in answer(client.app, path, accepted)[1]["vary"]


def test_other_replies_pass_through(client):
    for path in ("/openapi.json", "/livez", "/v2/models/digits", "/nowhere"):
        assert "content-encoding" not in answer(client.app, path, "gzip")[1]


def test_compression_works_below_a_path_prefix(client):
    scope = request_scope("/main.js", (b"accept-encoding", b"gzip"), method="GET", root_path="/digits")
    start, *_ = call(client.app, scope, body_messages(b""))
    assert (start["status"], dict(start["headers"])[b"content-encoding"]) == (200, b"gzip")


def test_compressed_file_has_a_weak_etag_so_that_no_part_of_the_plain_file_continues_it(client):
    strong, weak = (answer(client.app, "/main.js", accepted)[1]["etag"] for accepted in ("identity", "gzip"))
    assert weak == f"W/{strong}"
    resumed = [(b"range", b"bytes=10-"), (b"if-range", weak.encode())]
    assert answer(client.app, "/main.js", "gzip", *resumed)[0] == 200


def test_part_of_a_file_is_not_compressed(client):
    status, headers, body = answer(client.app, "/main.js", "gzip", (b"range", b"bytes=0-9"))
    assert (status, len(body), "content-encoding" in headers) == (206, 10, False)
    assert "Accept-Encoding" in headers["vary"]


@pytest.mark.parametrize("accepted", ["identity", "gzip"])
def test_unchanged_file_is_not_sent_again(client, accepted):
    status, headers, _ = answer(client.app, "/main.js", accepted, method="HEAD")
    assert status == 200
    status, headers, body = answer(client.app, "/main.js", accepted, (b"if-none-match", headers["etag"].encode()))
    assert (status, headers["vary"], body) == (304, "Accept-Encoding", b"")
