"""What several tests share: the released artefact, the rows, and two ways to reach the service."""

from pathlib import Path

import anyio
import httpx
import pytest
from hypothesis import settings

from app.main import create_app
from app.settings import Settings
from model import load_artefact
from training.data import load_split

settings.register_profile("digits", deadline=None, print_blob=True)
settings.load_profile("digits")

ROOT = Path(__file__).parents[1]


def in_one_piece(app):
    """Let an application receive a body as a server hands on a small one, if its length is announced."""

    async def whole(scope, receive, send):
        async def receive_whole():
            message, body = await receive(), b""
            while message["type"] == "http.request" and message["more_body"]:
                body += message["body"]
                message = await receive()
            return {**message, "body": body} if body else message

        is_announced = any(name == b"content-length" for name, _ in scope["headers"])
        await app(scope, receive_whole if is_announced else receive, send)

    return whole


class InProcess:
    """A client of an application in this process: httpx over ASGI, without a socket."""

    def __init__(self, app, root_path=""):
        self.app = app
        self.root_path = root_path

    def request(self, method, path, **options):
        async def send():
            app = in_one_piece(self.app)
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
    """Builds a client of a service with the settings that a test names."""

    def make(*, is_draining=lambda: False, **chosen):
        return InProcess(create_app(artefact, Settings(**chosen), is_draining))

    return make


@pytest.fixture(scope="session")
def client(make_client):
    return make_client()
