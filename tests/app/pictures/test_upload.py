"""Receiving of picture files: media types, forms, and the limits on size and time.

The files are sent to the service, so the tests also check the status that a client gets.
"""

import gzip
import zlib

import httpx
import pytest

from tests.drawing import draw
from tests.picture_requests import PATH, encode_picture, post_picture
from tests.problems import read_problem


@pytest.mark.parametrize(
    "media_type",
    [*("image/png", "image/gif", "image/*", "multipart/form-data", "application/octet-stream", "text/html", "", None)],
)
def test_form_with_a_file_gets_the_same_answer_as_the_file_alone_whatever_type_it_declares(client, media_type):
    data = encode_picture(draw(4))
    reply = client.post(PATH, files={"file": ("four", data, media_type)}, data={"note": "mine"})
    assert reply.json() == post_picture(client, data).json()


@pytest.mark.parametrize("media_type", ["", "application/octet-stream", "application/x-www-form-urlencoded"])
def test_format_is_found_in_the_bytes_if_the_media_type_is_unspecific(client, media_type):
    assert post_picture(client, encode_picture(draw(4), "WEBP"), media_type).json()["digit"] == 4


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/json", "image/gif", "image/svg+xml", "image/heic", "multipart/mixed"]
)
def test_unsupported_media_type_is_rejected_with_the_supported_types(client, media_type):
    reply = post_picture(client, encode_picture(draw(4)), media_type)
    assert "image/png, image/jpeg" in read_problem(reply, 415)["detail"]


@pytest.mark.parametrize("form", [{"files": {"picture": b"x"}}, {"files": {"other": b"x"}, "data": {"file": "text"}}])
def test_form_without_the_file_is_rejected_with_the_name_of_the_missing_field(client, form):
    problem = read_problem(client.post(PATH, **form))
    assert problem["errors"] == [{"loc": ["body", "file"], "msg": "is required, as a file"}]


@pytest.mark.parametrize("charset", ["punycode", '"punycode"', "undefined", "utf-8; charset=punycode", ""])
def test_form_with_a_charset_other_than_utf_8_is_rejected(client, charset):
    content_type = f"multipart/form-data; boundary=x; charset={charset}"
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\na-b\r\n--x--\r\n'
    read_problem(post_picture(client, body, content_type), 415)


def test_body_over_the_limit_is_rejected_with_the_limit(make_client):
    client = make_client(max_picture_bytes=2000)
    assert "at most 2000 bytes" in read_problem(post_picture(client, bytes(2001)), 413)["detail"]
    assert "at most 2000 bytes" in read_problem(client.post(PATH, files={"file": bytes(2000)}), 413)["detail"]


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
@pytest.mark.parametrize("is_form", [False, True])
def test_compressed_body_gets_the_answer_of_the_plain_body(client, compress, is_form):
    options = {"files": {"file": encode_picture(draw(4), "BMP")}} if is_form else {"content": encode_picture(draw(4))}
    request = httpx.Request("POST", "http://digits", **options)
    body, headers = request.read(), {"content-type": request.headers.get("content-type", "image/png")}
    coding = "gzip" if compress is gzip.compress else "deflate"
    reply = client.post(PATH, content=compress(body), headers={**headers, "content-encoding": coding})
    assert reply.json() == client.post(PATH, content=body, headers=headers).json()
    assert reply.json()["digit"] == 4


def test_decoded_body_has_the_same_limit_as_a_body(make_client):
    client = make_client(max_picture_bytes=2000)
    for size, status in ((2000, 422), (2001, 413)):
        content = gzip.compress(bytes(size))
        reply = client.post(PATH, content=content, headers={"content-encoding": "gzip"})
        assert ("The decompressed body must be" in read_problem(reply, status)["detail"]) == (status == 413)
