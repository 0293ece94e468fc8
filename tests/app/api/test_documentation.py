"""`GET /docs`: the documentation comes from this service alone, and a setting switches it off."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from app.api.documentation import FILES, documentation_policy


class Addresses(HTMLParser):
    """Collects the addresses that a page loads."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        del tag
        self.found += [value for name, value in attrs if name in {"href", "src"}]


def test_page_loads_only_files_of_this_service_by_relative_addresses(client):
    page = client.get("/docs").text
    addresses = Addresses()
    addresses.feed(page)
    assert sorted(addresses.found) == sorted(f"docs/{name}" for name in FILES)
    assert "url: 'openapi.json'" in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize("name", FILES)
def test_files_are_served_with_their_media_types_and_may_be_stored(client, name):
    reply = client.get(f"/docs/{name}")
    media_types = {"js": "text/javascript", "css": "text/css", "png": "image/png"}
    assert reply.status_code == 200
    assert reply.headers["content-type"].partition(";")[0] == media_types[name.rpartition(".")[2]]
    assert reply.headers["cache-control"] == "max-age=3600"


@pytest.mark.parametrize("name", ["redoc.standalone.js", "nothing", "%2e%2e%2f__init__.py", "%2fetc%2fpasswd", "%00"])
def test_other_files_are_not_found(client, name):
    assert client.get(f"/docs/{name}").status_code == 404


def test_policy_allows_the_inline_script_by_its_hash_and_nothing_from_other_hosts(client):
    reply = client.get("/docs")
    policy = dict(rule.strip().split(" ", 1) for rule in reply.headers["content-security-policy"].split(";"))
    (script,) = re.findall("<script>(.*?)</script>", reply.text, re.DOTALL)
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert policy["script-src"] == f"'self' 'sha256-{digest}'"
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert not any(source in str(policy) for source in ("http", "*", "unsafe-eval"))


def test_policy_needs_a_page_with_exactly_one_inline_script():
    for page in ("", "<script>1</script><script>2</script>"):
        with pytest.raises(ValueError, match="unpack"):
            documentation_policy(page)


@pytest.mark.parametrize("path", ["/docs", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/redoc"])
def test_a_setting_switches_the_documentation_off(make_client, path):
    client = make_client(docs=False)
    assert client.get(path).status_code == 404
    assert client.get("/openapi.json").status_code == 200
