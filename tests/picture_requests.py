"""Requests with picture files."""

import asyncio
import io
from datetime import timedelta

import httpx
from PIL import Image

from app.main import create_app
from app.settings import Settings
from tests.drawing import draw

PATH = "/predict/picture"


def encode_picture(picture, file_format="PNG", **options):
    """Encode a picture as a file.

    Args:
        picture: Pillow image, or an array that Pillow converts to one.
        file_format: Format of the file, as Pillow names it.
        options: Options of Pillow's encoder.
    Returns:
        The bytes of the file.
    """
    buffer = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def digit_file(digit, file_format="PNG"):
    """Draw a digit as a file: name, media type and bytes."""
    name = file_format.lower()
    return f"{digit}.{name}", f"image/{name}", encode_picture(draw(digit), file_format)


def post_picture(client, data, media_type="image/png"):
    """Send a picture file as the body of a request."""
    return client.post(PATH, content=data, headers={"content-type": media_type})


def is_answered(reply):
    """Return True if a reply is no server error and took less than five seconds, far above any time measured."""
    return 200 <= reply.status_code < 500 and reply.elapsed < timedelta(seconds=5)


class PausedBody:
    """A request body of unknown length that pauses after ten bytes until the test resumes it."""

    def __init__(self, data):
        self.data = data
        self.started = asyncio.Event()
        self.resumed = asyncio.Event()

    async def __aiter__(self):
        yield self.data[:10]
        self.started.set()
        await self.resumed.wait()
        yield self.data[10:]


def run_with_service(artefact, conversation, **settings):
    """Run a coroutine with a client of a new service, both in one event loop.

    Args:
        artefact: The weights of the service.
        conversation: Coroutine function that takes an asynchronous client.
        settings: Settings of the service.
    """

    async def run():
        transport = httpx.ASGITransport(create_app(artefact, Settings(**settings)))
        async with httpx.AsyncClient(transport=transport, base_url="http://digits") as client:
            await conversation(client)

    asyncio.run(run())
