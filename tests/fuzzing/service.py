"""The service in this process, called over ASGI, and the resources that it may not leave behind."""

import asyncio
import atexit
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

from app.main import create_app
from app.settings import RELEASED_WEIGHTS, Settings
from model import load_artefact
from tests.asgi import DISCONNECT, call_async, request_scope

ARTEFACT = load_artefact(RELEASED_WEIGHTS)
# Functions that get each message of an error without its numbers; so the fuzzer sees errors that native code finds.
OBSERVERS: list[Callable[[bytes], object]] = []
MESSAGE = re.compile(rb'"(?:type|msg|error)":"([^"]*)')
NUMBER = re.compile(rb"[0-9a-f]{64}|[0-9]+")
OPEN_FILES = Path("/dev/fd")  # a folder with an entry for each open file of this process


class Answer(NamedTuple):
    """The answer of the service; a client that disconnects may get none, and then the status is 0."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


@cache
def _service():
    """Create the application and an event loop for all requests."""
    loop = asyncio.new_event_loop()
    atexit.register(loop.close)
    return create_app(ARTEFACT, Settings()), loop


def post(path, headers, messages):
    """Send a POST request, and return its answer.

    Args:
        path: Path of the request.
        headers: Names and values of the headers.
        messages: The ASGI messages with the body; if the last one has not the end of the body, a disconnect follows.
    Returns:
        The answer.
    """
    app, loop = _service()
    messages = [*messages, DISCONNECT]
    with leaving_nothing_behind():
        sent = loop.run_until_complete(call_async(app, request_scope(path, *headers), messages))
        assert not asyncio.all_tasks(loop)
    if not sent:
        return Answer(0, {}, b"")
    start, *parts = sent
    assert [part["type"] for part in sent] == ["http.response.start", *["http.response.body"] * len(parts)]
    answer_headers = dict(start["headers"])
    assert len(answer_headers) == len(start["headers"])  # no header occurs twice
    body = b"".join(part.get("body", b"") for part in parts)
    if start["status"] >= 400:
        observe(b" ".join(MESSAGE.findall(body)))
    return Answer(start["status"], answer_headers, body)


def observe(message):
    """Tell the observers the message of an error, without its numbers and hashes."""
    for observer in OBSERVERS:
        observer(NUMBER.sub(b"", message))


@contextmanager
def leaving_nothing_behind() -> Iterator[None]:
    """Fail if the block leaves an open file or a running thread; a thread that ends soon is awaited."""
    files, threads = len(list(OPEN_FILES.iterdir())), set(threading.enumerate())
    try:
        yield
    finally:
        for thread in set(threading.enumerate()) - threads:
            thread.join(timeout=5)
            assert not thread.is_alive()
        assert len(list(OPEN_FILES.iterdir())) == files
