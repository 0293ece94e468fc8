"""ASGI requests, delivered to an application message by message as a server delivers them."""

import asyncio
from itertools import pairwise


def post(*arguments, **options):
    """Call `post_async` in a new event loop, with a time limit of ten seconds."""
    return asyncio.run(asyncio.wait_for(post_async(*arguments, **options), 10))


async def post_async(app, path, body, content_type=b"application/json", *, pieces, root_path=""):
    """Send a POST request.

    Args:
        app: The application.
        path: Path below `root_path`.
        body: The body.
        content_type: Value of the Content-Type header; empty for no header.
        pieces: Number of messages in which the body is delivered.
        root_path: Prefix that a proxy would remove.
    Returns:
        The status, the sorted headers without the request's id, and the body of the answer.
    """
    content_type_headers = [(b"content-type", content_type)] if content_type else []
    cuts = [len(body) * piece // pieces for piece in range(pieces + 1)]
    messages = [
        {"type": "http.request", "body": body[start:end], "more_body": piece < pieces}
        for piece, (start, end) in enumerate(pairwise(cuts), start=1)
    ]
    sent = []

    async def receive():
        return messages.pop(0) if messages else await asyncio.sleep(60)

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "root_path": root_path,
        "path": root_path + path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"content-length", b"%d" % len(body)), *content_type_headers],
        "state": {},
    }
    await app(scope, receive, send)
    headers = sorted(header for header in sent[0]["headers"] if header[0] != b"x-request-id")
    return sent[0]["status"], headers, b"".join(message["body"] for message in sent[1:])


def request_scope(path="/predict", *headers, method="POST"):
    """Build the ASGI scope of a request."""
    paths = {"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": ""}
    return {"type": "http", "method": method, **paths, "headers": list(headers)}


async def must_not_be_called():
    """Fail the test; passed in place of a receive or send function."""
    raise AssertionError


async def wait_forever():
    """Receive nothing; passed as the receive function of a client that stays connected and sends no body."""
    await asyncio.Event().wait()
