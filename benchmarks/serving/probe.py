"""Checks of a server's answers to valid requests, and observation of its other behaviour."""

from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import numpy as np

from model import PIXELS

TOLERANCE = 1e-6


def require_correct_answers(contender, url, images, probabilities):
    """Compare a server's answers with the network's probabilities.

    A server that does not predict has to send back the request.

    Args:
        contender: The contender that runs at the URL.
        url: The server's URL.
        images: Images to send, shape (B, 64), in [0, 16].
        probabilities: The network's probabilities of these images, shape (B, 10).
    Raises:
        RuntimeError: An answer is wrong.
    """
    for image, expected in zip(images.tolist(), probabilities, strict=True):
        _, reply = contender.post(url, image)
        if contender.parse_probabilities is None:
            if reply != contender.build_request(image):
                raise RuntimeError(f"{contender.title} did not send back the request.")
        elif not np.allclose(np.ravel(contender.parse_probabilities(reply)), expected, rtol=0, atol=TOLERANCE):
            raise RuntimeError(f"{contender.title} did not answer with the network's probabilities.")


def observe_behaviour(contender, url):
    """Observe how a server answers invalid pixels, and whether it keeps connections open.

    Args:
        contender: The contender that runs at the URL.
        url: The server's URL.
    Returns:
        The status of the response to the pixel 17, which is out of range; the status of the response to the
        text "1" instead of a number; and True if the server keeps a connection open after a response.
    """
    other_pixels = [0] * (PIXELS - 1)
    return {
        "status_of_17": contender.post(url, [17, *other_pixels])[0],
        "status_of_text": contender.post(url, ["1", *other_pixels])[0],
        "keeps_alive": _keeps_alive(contender, url),
    }


def _keeps_alive(contender, url):
    """Return True if a server answers two requests on the same connection."""
    load, sockets = contender.single_image_load([0] * PIXELS), []
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
        for _ in range(2):
            connection.request("POST", load.path, load.body, load.headers)
            connection.getresponse().read()
            sockets.append(connection.sock)
    return sockets[0] is not None and sockets[0] is sockets[1]
