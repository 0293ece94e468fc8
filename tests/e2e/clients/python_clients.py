"""A script that sends requests with one of Python's clients or with curl; README.md describes input and output.

Usage: python tests/e2e/clients/python_clients.py CLIENT < requests, where CLIENT is a key of `CLIENTS`.
"""

import http.client
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import httpx
import requests

TIMEOUT_SECONDS = 60
CHUNK_BYTES = 64 * 1024
# Otherwise each call of `httpx.post` reads the certificates of the system, which takes longer than the request.
TLS = httpx.create_ssl_context()
HTTPX_CLIENT = httpx.Client(verify=TLS)
ERRORS = (OSError, http.client.HTTPException, httpx.HTTPError, subprocess.SubprocessError)


def post_with_urllib(address, headers, body):
    try:
        with urlopen(Request(f"http://{address}", body, headers), timeout=TIMEOUT_SECONDS) as reply:
            return reply.status, reply.read().decode()
    except HTTPError as reply:
        return reply.code, reply.read().decode()


def send_with_urllib(address, headers, file):
    return post_with_urllib(address, headers, file.read_bytes())


def send_chunks_with_urllib(address, headers, file):
    """Send a body of unknown length."""
    with file.open("rb") as body:
        return post_with_urllib(address, headers, iter(partial(body.read, CHUNK_BYTES), b""))


def send_with_requests(address, headers, file):
    reply = requests.post(f"http://{address}", data=file.read_bytes(), headers=headers, timeout=TIMEOUT_SECONDS)
    return reply.status_code, reply.text


def send_with_httpx(address, headers, file):
    return post_with_httpx(partial(httpx.post, verify=TLS), address, headers, file)


def send_with_httpx_client(address, headers, file):
    """Send a request on the connection of the requests before it."""
    return post_with_httpx(HTTPX_CLIENT.post, address, headers, file)


def post_with_httpx(post, address, headers, file):
    reply = post(f"http://{address}", content=file.read_bytes(), headers=headers, timeout=TIMEOUT_SECONDS)
    return reply.status_code, reply.text


def send_with_curl(address, headers, file, options=()):
    command = ["curl", "--silent", "--show-error", "--max-time", str(TIMEOUT_SECONDS), "--write-out", "\n%{http_code}"]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    body = ["--data-binary", f"@{file}"] if "-T" not in options else []
    with file.open("rb") as content:
        process = subprocess.run(
            [*command, *body, *options, f"http://{address}"], stdin=content, capture_output=True, text=True, check=False
        )
    if process.returncode != 0:
        raise OSError(process.returncode, process.stderr)
    text, _, status = process.stdout.rpartition("\n")
    return status, text


CLIENTS: dict[str, Callable[..., tuple[int | str, str]]] = {
    "urllib": send_with_urllib,
    "urllib in chunks": send_chunks_with_urllib,
    "requests": send_with_requests,
    "httpx": send_with_httpx,
    "httpx with one connection": send_with_httpx_client,
    "curl": send_with_curl,
    "curl -0": partial(send_with_curl, options=("-0",)),
    "curl --http2": partial(send_with_curl, options=("--http2",)),
    "curl in chunks": partial(send_with_curl, options=("-X", "POST", "-H", "transfer-encoding: chunked", "-T", "-")),
}


def main():
    send = CLIENTS[sys.argv[1]]
    for request in sys.stdin:
        url, media_type, filler_bytes, file = request.rstrip("\n").split("\t")
        headers = {"content-type": media_type, "x-filler": "x" * int(filler_bytes)}
        try:
            status, text = send(url.removeprefix("http://"), headers, Path(file))
            line = f"{status} {text}"
        except ERRORS as error:
            line = repr(error)
        sys.stdout.write(" ".join(line.split()) + "\n")


if __name__ == "__main__":
    main()
