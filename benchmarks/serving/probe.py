"""Whether a server's answers are right, and what it does with others than right requests."""

from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import numpy as np

from model import PIXELS

TOLERANCE = 1e-6


def require_right_answers(contender, url, images, probabilities):
    """Hold a server's answers against the network's own.

    Args:
        contender: Who is asked.
        url: Where.
        images: Shape (B, 64).
        probabilities: What the network says of them, shape (B, 10).
    Raises:
        RuntimeError: One is wrong.
    """
    for image, expected in zip(images.tolist(), probabilities, strict=True):
        _, reply = contender.post(url, image)
        if contender.read is None:
            if reply != contender.ask(image):
                raise RuntimeError(f"{contender.title} did not send back what it got.")
        elif not np.allclose(np.ravel(contender.read(reply)), expected, rtol=0, atol=TOLERANCE):
            raise RuntimeError(f"{contender.title} answers otherwise than the network.")


def habits(contender, url):
    """Try what a server does with a pixel out of bounds, with text, and with a connection.

    Args:
        contender: Who is asked.
        url: Where.
    Returns:
        The statuses of its answers to 17 and to "1", and whether it keeps a connection.
    """
    blank = [0] * (PIXELS - 1)
    return {
        "status_of_17": contender.post(url, [17, *blank])[0],
        "status_of_text": contender.post(url, ["1", *blank])[0],
        "keeps_alive": _keeps_alive(contender, url),
    }


def _keeps_alive(contender, url):
    """Whether two requests find their answers on one connection."""
    load, sockets = contender.load([0] * PIXELS), []
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
        for _ in range(2):
            connection.request("POST", load.path, load.body, load.headers)
            connection.getresponse().read()
            sockets.append(connection.sock)
    return sockets[0] is not None and sockets[0] is sockets[1]
