"""Requests as a server hands them to an application, message by message."""

import asyncio
from itertools import pairwise


def ask(*arguments, **options):
    """Converse, in an event loop of its own."""
    return asyncio.run(asyncio.wait_for(converse(*arguments, **options), 10))


async def converse(app, path, body, content_type=b"application/json", *, pieces, root_path=""):
    """Send a body in so many pieces, and give status, headers but for the request's id, and body."""
    types = [(b"content-type", content_type)] if content_type else []
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
        "headers": [(b"content-length", b"%d" % len(body)), *types],
        "state": {},
    }
    await app(scope, receive, send)
    headers = sorted(header for header in sent[0]["headers"] if header[0] != b"x-request-id")
    return sent[0]["status"], headers, b"".join(message["body"] for message in sent[1:])


def head(path="/predict", *headers, method="POST"):
    """The description of a request."""
    place = {"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": ""}
    return {"type": "http", "method": method, **place, "headers": list(headers)}


async def never():
    raise AssertionError
