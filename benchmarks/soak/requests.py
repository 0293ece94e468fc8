"""The requests of the mixed load, with their shares and their expected answers."""

from typing import NamedTuple

from benchmarks.faults.requests import request_bytes
from benchmarks.serving.additional_loads import BATCH_SIZE, json_batch_load, picture_load
from benchmarks.serving.contenders import CONTENDERS
from benchmarks.serving.wrk import Load
from model import DIGITS, INK_MAX, PIXELS

IMAGES = 50  # different images, one after another, for single predictions and `/v2`
SMALL_BATCH = 64
DRAWN_DIGIT = "7"  # of the picture
PROBE = "probe"
# What Prometheus 3 sends.
PROMETHEUS_ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
# The share of each kind of request. Most are single predictions; a batch of 1024 images takes as long as 60 of them.
SHARES = {
    "single prediction": 0.7,
    "batch of 64": 0.08,
    "batch of 1024": 0.002,
    "picture": 0.03,
    "/v2": 0.08,
    "wrong pixel": 0.02,
    "wrong type": 0.01,
    "wrong path": 0.01,
    "half a body": 0.01,
    "no wait for the answer": 0.01,
    "scrape": 0.003,
    PROBE: 0.045,
}


class Request(NamedTuple):
    """A request and its expected answer.

    Args:
        kind: One of the `SHARES`.
        data: The bytes of the request.
        status: The expected status, or None if the client closes the connection before the answer.
        digits: The expected digits with the first and with the second network; empty if no digits are expected.
    """

    kind: str
    data: bytes
    status: int | None = 200
    digits: tuple[str, ...] = ()


def build_requests(images, network):
    """Build all requests.

    Args:
        images: Images to send, shape (B, 64), whole numbers in [0, 16]; B is at least 1024.
        network: The first network. The second one answers each digit's successor, see `service.second_network`.
    Returns:
        The requests of each kind, which take turns, by kind.
    """
    digits = "".join(map(str, network.probabilities(images).argmax(axis=1)))
    small, large = (json_batch_load(images[:size]) for size in (SMALL_BATCH, BATCH_SIZE))
    by_kind = {
        "single prediction": list(_single_images("single prediction", CONTENDERS["ours"], images, digits)),
        "batch of 64": [_prediction("batch of 64", small, digits[:SMALL_BATCH])],
        "batch of 1024": [_prediction("batch of 1024", large, digits[:BATCH_SIZE])],
        "picture": [_prediction("picture", picture_load(), DRAWN_DIGIT)],
        "/v2": list(_single_images("/v2", CONTENDERS["ours_v2"], images, digits)),
        "half a body": [Request("half a body", request_bytes(small)[: -len(small.body) // 2], None)],
        "no wait for the answer": [Request("no wait for the answer", request_bytes(small), None)],
    }
    return by_kind | {request.kind: [request] for request in (*_errors(images), *_gets())}


def second_digits(digits):
    """Return the digits that the second network answers instead of the first network's.

    Args:
        digits: Digits in a text.
    Returns:
        The successor of each digit; that of 9 is 0.
    """
    return "".join(str((int(digit) + 1) % DIGITS) for digit in digits)


def _prediction(kind, load, digits):
    """Build a request that predicts."""
    return Request(kind, request_bytes(load), 200, (digits, second_digits(digits)))


def _single_images(kind, contender, images, digits):
    """Build requests that predict one image each."""
    for image, digit in zip(images[:IMAGES].tolist(), digits, strict=False):
        yield _prediction(kind, contender.single_image_load(image), digit)


def _errors(images):
    """Build requests that are rejected."""
    wrong_pixel = CONTENDERS["ours"].single_image_load([INK_MAX + 1, *[0] * (PIXELS - 1)])
    image = CONTENDERS["ours"].single_image_load(images[0].tolist())
    yield Request("wrong pixel", request_bytes(wrong_pixel), 422)
    yield Request("wrong type", request_bytes(image._replace(headers={"Content-Type": "image/png"})), 415)
    yield Request("wrong path", request_bytes(image._replace(path="/prediction")), 404)


def _gets():
    """Build the requests without a body."""
    scrape = Load("/metrics", b"", {"Accept": PROMETHEUS_ACCEPT}, 1)
    yield Request("scrape", request_bytes(scrape, method="GET"))
    yield Request(PROBE, request_bytes(Load("/readyz", b"", {}, 1), method="GET"))
