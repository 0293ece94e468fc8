"""What most tests share: the released artefact, the data set, and a client of the service."""

import os
from pathlib import Path

from training.environment import ONE_THREAD

for _name, _value in ONE_THREAD.items():
    os.environ.setdefault(_name, _value)  # BLAS reads them when NumPy is first imported

import anyio
import httpx
import hypothesis
import pytest

# CI tries more examples than a developer waits for. The database of hypothesis keeps examples that have failed.
EXAMPLES = 100 if "CI" in os.environ else 30
hypothesis.settings.register_profile("digits", deadline=None, print_blob=True, max_examples=EXAMPLES)
hypothesis.settings.load_profile("digits")

ROOT = Path(__file__).parents[1]

collect_ignore = ["e2e/kserve_client.py"]  # runs in another environment


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


# The packages of the project are imported by the fixtures, because the parent process of pytest-xdist imports this file
# too, and needs none of them.


@pytest.fixture(scope="session")
def artefact():
    from model import load_artefact

    return load_artefact(ROOT / "model" / "digits.npz")


@pytest.fixture(scope="session")
def split():
    from training.data import load_split

    return load_split()


@pytest.fixture(scope="session")
def make_client(artefact):
    """Return a function that creates a new service with the given settings, and a client of that service."""
    from app.main import create_app
    from app.settings import Settings

    def make(*, is_draining=lambda: False, **settings):
        return InProcess(create_app(artefact, Settings(**settings), is_draining))

    return make


@pytest.fixture(scope="session")
def client(make_client):
    return make_client()


@pytest.fixture(scope="session")
def logging_client(make_client):
    """A client of a service that writes an access log."""
    return make_client(access_log=True)
