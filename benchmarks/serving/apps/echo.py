"""Lower limit of a request's cost: an ASGI application that sends the request's body back."""


async def app(scope, receive, send):
    """Send the body of a request back as the response."""
    if scope["type"] == "http":
        await send_json(send, await receive_body(receive))


async def receive_body(receive):
    """Receive all parts of a request's body, and return them joined."""
    body, has_more = b"", True
    while has_more:
        message = await receive()
        body, has_more = body + message.get("body", b""), message.get("more_body", False)
    return body


async def send_json(send, body):
    """Send a response with status 200 and a JSON body."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
