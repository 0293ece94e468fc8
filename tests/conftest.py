"""What most tests share: the released artefact, the data set, and a client of the service."""

from pathlib import Path

import anyio
import httpx
import hypothesis
import pytest

from app.main import create_app
from app.settings import Settings
from model import load_artefact
from training.data import load_split

hypothesis.settings.register_profile("digits", deadline=None, print_blob=True)
hypothesis.settings.load_profile("digits")

ROOT = Path(__file__).parents[1]


def join_body_messages(app):
    """Wrap an application so that it receives a body of announced length in one message.

    A server delivers a small body in the same way. A body of unknown length is passed on message by message.
    """

    async def wrapped_app(scope, receive, send):
        async def receive_whole_body():
            message, body = await receive(), b""
            while message["type"] == "http.request" and message["more_body"]:
                body += message["body"]
                message = await receive()
            return {**message, "body": body} if body else message

        is_announced = any(name == b"content-length" for name, _ in scope["headers"])
        await app(scope, receive_whole_body if is_announced else receive, send)

    return wrapped_app


class InProcess:
    """Client of an application in this process; it calls the application over ASGI, without a socket."""

    def __init__(self, app, root_path=""):
        self.app = app
        self.root_path = root_path

    def request(self, method, path, **options):
        async def send():
            app = join_body_messages(self.app)
            transport = httpx.ASGITransport(app, raise_app_exceptions=False, root_path=self.root_path)
            async with httpx.AsyncClient(transport=transport, base_url="http://digits") as client:
                return await client.request(method, path, **options)

        return anyio.run(send)

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, **options):
        return self.request("POST", path, **options)


@pytest.fixture(scope="session")
def artefact():
    return load_artefact(ROOT / "model" / "digits.npz")


@pytest.fixture(scope="session")
def split():
    return load_split()


@pytest.fixture(scope="session")
def make_client(artefact):
    """Return a function that creates a new service with the given settings, and a client of that service."""

    def make(*, is_draining=lambda: False, **settings):
        return InProcess(create_app(artefact, Settings(**settings), is_draining))

    return make


@pytest.fixture(scope="session")
def client(make_client):
    return make_client()
