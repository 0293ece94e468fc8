"""ASGI requests, delivered to an application message by message as a server delivers them."""

import asyncio
from itertools import pairwise

JSON = (b"content-type", b"application/json")
DISCONNECT = {"type": "http.disconnect"}


def request_scope(path="/predict", *headers, method="POST", root_path="", **fields):
    """Build the ASGI scope of a request.

    Args:
        path: Path below `root_path`.
        headers: Names and values of the headers; a header Host precedes them, unless they have one.
        method: The method.
        root_path: Prefix that a proxy would remove.
        fields: Further fields of the scope, which replace those of a plain request.
    Returns:
        The scope.
    """
    host = [] if any(name == b"host" for name, _ in headers) else [(b"host", b"digits")]
    paths = {"root_path": root_path, "path": root_path + path, "raw_path": (root_path + path).encode()}
    plain = {"asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "query_string": b"", "state": {}}
    return {"type": "http", "method": method, **paths, "headers": [*host, *headers], **plain, **fields}


def split(body, *cuts):
    """Split a body at the given positions, in any order; two equal positions make an empty chunk."""
    return [body[start:end] for start, end in pairwise([0, *sorted(cuts), len(body)])]


def body_messages(*chunks):
    """Build the ASGI messages that deliver a body in chunks."""
    last = len(chunks) - 1
    return [{"type": "http.request", "body": chunk, "more_body": n < last} for n, chunk in enumerate(chunks)]


def call(app, scope, messages=()):
    """Call `call_async` in a new event loop, with a time limit of ten seconds."""
    return asyncio.run(asyncio.wait_for(call_async(app, scope, messages), 10))


async def call_async(app, scope, messages=()):
    """Let an application answer a request.

    Args:
        app: The application.
        scope: ASGI scope of the request.
        messages: The messages that the application can receive; after them, it would wait for ever.
    Returns:
        The messages that the application sent.
    """
    waiting, sent = list(messages), []

    async def receive():
        return waiting.pop(0) if waiting else await wait_forever()

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent


def post(*arguments, **options):
    """Call `post_async` in a new event loop, with a time limit of ten seconds."""
    return asyncio.run(asyncio.wait_for(post_async(*arguments, **options), 10))


async def post_async(
    app, path, body, content_type=b"application/json", *, pieces=1, cuts=None, has_length=True, headers=(), root_path=""
):
    """Send a POST request.

    Args:
        app: The application.
        path: Path below `root_path`.
        body: The body.
        content_type: Value of the Content-Type header; empty for no header.
        pieces: Number of messages of about the same size in which the body is delivered.
        cuts: Positions at which the body is split into messages, instead of `pieces`.
        has_length: True announces the length of the body.
        headers: Further headers.
        root_path: Prefix that a proxy would remove.
    Returns:
        The status, the sorted headers without the request's id, and the body of the answer.
    """
    length_headers = [(b"content-length", b"%d" % len(body))] if has_length else []
    content_type_headers = [(b"content-type", content_type)] if content_type else []
    scope = request_scope(path, *length_headers, *content_type_headers, *headers, root_path=root_path)
    if cuts is None:
        cuts = [len(body) * piece // pieces for piece in range(1, pieces)]
    return read_answer(await call_async(app, scope, body_messages(*split(body, *cuts))))


def read_answer(sent):
    """Read the messages of an answer: its status, its sorted headers without the request's id, and its body."""
    start, *parts = sent
    headers = sorted(header for header in start["headers"] if header[0] != b"x-request-id")
    return start["status"], headers, b"".join(part["body"] for part in parts)


def call_without_body(app, scope):
    """Let an application answer the head of a request; the test fails if the application receives the body.

    Args:
        app: The application.
        scope: ASGI scope of the request.
    Returns:
        The status, the sorted headers without the request's id, and the body of the answer.
    """
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, must_not_be_called, send))
    return read_answer(sent)


async def must_not_be_called():
    """Fail the test; passed in place of a receive or send function."""
    raise AssertionError


async def wait_forever():
    """Receive nothing; passed as the receive function of a client that stays connected and sends no body."""
    await asyncio.Event().wait()
