"""A page of another origin calls the service in a real browser."""

import base64
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from playwright.sync_api import Error

from app.api.schemas import EXAMPLE_IMAGE
from tests.drawing import draw
from tests.e2e.browser import EXECUTABLE
from tests.e2e.server import HTTP, incomplete_request, poll_until, running
from tests.hostile import HEADER, INFER, binary_tensor, message
from tests.machine import skip_unless
from tests.picture_requests import encode_picture

pytestmark = [pytest.mark.e2e, pytest.mark.browser, skip_unless(EXECUTABLE is not None, "Chromium")]

# Sends a request with a body in base64, and returns what a page can read of the answer.
SEND = """async ([url, method, headers, body]) => {
    const bytes = Uint8Array.from(atob(body), (character) => character.charCodeAt(0));
    const answer = await fetch(url, {method, headers, body: method === "GET" ? undefined : bytes});
    return {
        status: answer.status,
        headers: Object.fromEntries(answer.headers),
        body: btoa(String.fromCharCode(...new Uint8Array(await answer.arrayBuffer()))),
    };
}"""


class EmptyPage(BaseHTTPRequestHandler):
    """A web server with one empty page."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Page</title>")

    def log_message(self, *_):
        """Write no log."""


@contextmanager
def running_web_server():
    """Start another web server, and yield its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage) as web_server:
        thread = threading.Thread(target=web_server.serve_forever)
        thread.start()
        yield web_server.server_port
        web_server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def port():
    with running_web_server() as port:
        yield port


@pytest.fixture(scope="module")
def server(port):
    """A service that allows the pages of `http://127.0.0.1:PORT`."""
    with running(cors_origins=json.dumps([f"http://127.0.0.1:{port}"]), max_pictures_in_flight=1) as server:
        yield server


@pytest.fixture
def send(browser, server, port):
    """Send a request from a page of another web server; return status, headers and body of the answer."""

    def send_from_page(method, path, body=b"", host="127.0.0.1", **headers):
        with browser.new_page() as page:
            page.goto(f"http://{host}:{port}/")
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            answer = page.evaluate(SEND, [server.url + path, method, names, base64.b64encode(body).decode()])
        return answer["status"], answer["headers"], base64.b64decode(answer["body"])

    return send_from_page


def test_page_of_an_allowed_origin_sends_json_with_a_key(send):
    body = json.dumps({"pixels": EXAMPLE_IMAGE}).encode()
    options = {"Content_Type": "application/json", "Authorization": "Bearer key", "X_API_Key": "key"}
    status, headers, answer = send("POST", "/predict", body, X_Request_ID="page-1", **options)
    assert (status, headers["x-request-id"]) == (200, "page-1")
    assert json.loads(answer)["digit"] == 3


def test_page_of_an_allowed_origin_sends_a_picture(send):
    status, _, answer = send("POST", "/predict/picture", encode_picture(draw(7)), Content_Type="image/png")
    assert (status, json.loads(answer)["digit"]) == (200, 7)


def test_page_of_an_allowed_origin_sends_and_receives_binary_tensors(send):
    data = np.array(EXAMPLE_IMAGE, "<f4").tobytes()
    text = json.dumps(message(binary_tensor(len(data)), parameters={"binary_data_output": True})).encode()
    status, headers, answer = send("POST", INFER, text + data, Inference_Header_Content_Length=str(len(text)))
    assert status == 200
    json_length = int(headers[HEADER.lower()])
    assert json.loads(answer[:json_length])["outputs"][0]["name"] == "digit"
    assert int.from_bytes(answer[json_length : json_length + 8], "little") == 3


@pytest.mark.parametrize(
    ("method", "path", "status", "media_type"),
    [
        ("POST", "/predict", 422, "application/problem+json"),
        ("POST", INFER, 400, "application/json"),
        ("GET", "/nowhere", 404, "application/problem+json"),
    ],
)
def test_page_of_an_allowed_origin_can_read_errors(send, method, path, status, media_type):
    actual_status, headers, _ = send(method, path, b"{}")
    assert (actual_status, headers["content-type"]) == (status, media_type)
    assert headers["x-request-id"]


def test_page_of_an_allowed_origin_can_read_when_to_try_again(server, send):
    picture = encode_picture(draw(7))
    with server.connect() as other_client:
        other_client.sendall(incomplete_request("/predict/picture"))
        poll_until(lambda: HTTP.post(f"{server.url}/predict/picture", content=picture).status_code == 503)
        status, headers, _ = send("POST", "/predict/picture", picture, Content_Type="image/png")
    assert (status, headers["retry-after"]) == (503, "1")


def test_method_that_no_route_has_is_not_sent(send):
    with pytest.raises(Error, match="Failed to fetch"):
        send("PUT", "/predict")


@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_page_of_another_origin_cannot_read_an_answer(send, content_type):
    with pytest.raises(Error, match="Failed to fetch"):
        send("POST", "/predict", b"{}", host="localhost", Content_Type=content_type)
