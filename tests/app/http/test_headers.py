"""Headers are parsed as HTTP defines them, and the Content-Type decides whether a body is parsed as JSON."""

import json

import pytest

from app.api.schemas import EXAMPLE_IMAGE
from app.http.headers import combined_header, content_length, first_header, media_type, quality_values
from tests.asgi import request_scope
from tests.problems import read_problem


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "application/json"},
        {"content-type": "application/json; charset=utf-8"},
        {"content-type": "Application/JSON"},
        {"content-type": "application/problem+json"},
        {"content-type": "application/x-www-form-urlencoded"},
    ],
)
def test_body_with_a_json_type_or_a_clients_default_type_is_parsed_as_json(client, headers):
    reply = client.post("/predict", content=json.dumps({"pixels": EXAMPLE_IMAGE}), headers=headers)
    assert reply.json()["digit"] == 3


@pytest.mark.parametrize("media_type", ["text/html", "image/png", "multipart/form-data; boundary=x", "json"])
def test_body_with_any_other_type_gets_a_415(client, media_type):
    reply = client.post("/predict", content="{}", headers={"content-type": media_type})
    assert read_problem(reply, 415)["detail"] == "The body must be application/json."


@pytest.mark.parametrize("media_type", ["text/plain", "text/plain;charset=UTF-8", "Text/Plain"])
@pytest.mark.parametrize("prefix", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_plain_text_that_starts_like_a_json_object_is_parsed_as_json(client, media_type, prefix):
    content = prefix + json.dumps({"pixels": EXAMPLE_IMAGE}).encode()
    assert client.post("/predict", content=content, headers={"content-type": media_type}).json()["digit"] == 3
    reply = client.post("/predict", content=prefix + b"{", headers={"content-type": media_type})
    assert "is not valid JSON" in read_problem(reply)["detail"]


@pytest.mark.parametrize("content", [b"", b" ", b"[]", b"3", b"pixels={", b"\xef\xbb\xbf", b'"{"'])
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_other_plain_text_gets_a_415(client, path, content):
    reply = client.post(path, content=content, headers={"content-type": "text/plain"})
    assert read_problem(reply, 415)["detail"] == "The body must be application/json."


def test_first_line_of_a_header_is_found_by_its_exact_name():
    scope = request_scope("/predict", (b"ab", b"0"), (b"a", b"1"), (b"a", b"2"))
    assert first_header(scope, b"a") == b"1"
    assert first_header(scope, b"b") == b""


def test_lines_of_a_header_are_joined_with_commas_in_their_order():
    scope = request_scope("/predict", (b"a", b"1"), (b"b", b"\xe9"), (b"a", b""), (b"a", b"3, 4"), (b"d", b""))
    assert combined_header(scope, b"a") == "1, , 3, 4"
    assert combined_header(scope, b"b") == "é"
    assert combined_header(scope, b"c") is None
    assert combined_header(scope, b"d") == ""


@pytest.mark.parametrize(
    ("value", "length"),
    [
        *((b"0", 0), (b"12", 12), (b"007", 7), (b"9" * 20, 10**20 - 1)),
        *((value, None) for value in (b"", b"nine", b"-1", b"+1", b"1.0", b"1_0", b" 1", b"1,1", b"\xb2", b"9" * 21)),
    ],
)
def test_content_length_is_a_number_of_at_most_20_digits(value, length):
    assert content_length(request_scope("/predict", (b"content-length", value))) == length


def test_content_length_is_none_without_a_header_and_the_first_of_several():
    assert content_length(request_scope("/predict")) is None
    assert content_length(request_scope("/predict", (b"content-length", b"1"), (b"content-length", b"2"))) == 1


@pytest.mark.parametrize(
    ("content_type", "name"),
    [
        *((None, ""), ("", ""), (";", ""), ("; charset=utf-8", "")),
        *(("image/png", "image/png"), (" Image/PNG ", "image/png"), ("text/html ;a=b; c=d", "text/html")),
        ("application/problem+json;charset=utf-8", "application/problem+json"),
    ],
)
def test_media_type_is_in_lower_case_without_its_parameters(content_type, name):
    assert media_type(content_type) == name


@pytest.mark.parametrize(
    ("header", "qualities"),
    [
        ("gzip", [("gzip", 1.0)]),
        ("GZip, \t*", [("gzip", 1.0), ("*", 1.0)]),
        ("a;q=0.5,b ; q=0.25,c;\tq=0", [("a", 0.5), ("b", 0.25), ("c", 0.0)]),
        ("a;Q=1.000,b;q=0.", [("a", 1.0), ("b", 0.0)]),
        ("text/plain;version=0.0.4;q=0.3", [("text/plain", 0.3)]),
        ("a;q=0.5;q=0.1", [("a", 0.5)]),
        ("a;xq=0.5,b;p=q=0.5", [("a", 1.0), ("b", 1.0)]),
    ],
)
def test_accepted_names_have_their_qualities_in_the_order_of_the_header(header, qualities):
    assert quality_values(header) == qualities


@pytest.mark.parametrize("quality", ["", "x", "1.1", "2", "-1", "nan", "inf", "0,5", "0.5.5", "1" * 5000])
def test_invalid_quality_counts_as_0(quality):
    assert quality_values(f"a;q={quality}")[0] == ("a", 0.0)


def test_long_header_is_split_at_its_first_50_commas():
    names = [f"name{number}" for number in range(52)]
    *first, rest = quality_values(",".join(names))
    assert first == [(name, 1.0) for name in names[:50]]
    assert rest == ("name50,name51", 1.0)
