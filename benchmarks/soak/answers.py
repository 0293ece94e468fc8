"""The judgement of answers, and the tally of the outcomes of requests."""

import re
from array import array
from collections import Counter
from typing import NamedTuple

from benchmarks.soak.requests import PROBE

# The digit of each prediction, and the digits of an inference response of `/v2`.
DIGITS = re.compile(rb'"digit"(?::|,"shape":\[\d+\],"datatype":"INT64","data":\[)([\d,]+)')
# A loss within this time after a kill counts as caused by it.
LOSS_SECONDS = 0.5


class Answer(NamedTuple):
    """An answer.

    Args:
        status: Its status.
        body: Its body.
    """

    status: int
    body: bytes


class State(NamedTuple):
    """The expected behaviour of the service at a moment.

    Args:
        networks: Which networks may answer: 0 for the first and 1 for the second. Both may while one is exchanged.
        is_stopping: True from the SIGTERM on. Readiness may then be 503, and new connections may fail.
    """

    networks: frozenset[int] = frozenset({0})
    is_stopping: bool = False

    def merge(self, other):
        """Return a state that allows the behaviour of both."""
        return State(self.networks | other.networks, self.is_stopping or other.is_stopping)


class Loss(NamedTuple):
    """A request without an answer, although its connection was open when it was sent.

    Args:
        kind: The kind of the request.
        reason: The name of the error.
        time: When the client noticed the loss, in seconds of `time.monotonic`.
    """

    kind: str
    reason: str
    time: float


class Tally:
    """The outcomes of requests.

    Attributes:
        requests: The number of requests, except those that could not be sent while the service stopped.
        milliseconds: The latency of each answer, from the planned time of its request.
        unexpected: How often each unexpected outcome occurred, except losses.
        losses: Each `Loss`.
        not_connected: The number of requests that could not be sent while the service stopped.
    """

    def __init__(self):
        self.requests, self.not_connected = 0, 0
        self.milliseconds = array("f")
        self.unexpected: Counter[str] = Counter()
        self.losses: list[Loss] = []

    def split_losses(self, kill_times):
        """Separate the losses that follow a kill from all other losses.

        Args:
            kill_times: The times of the kills, in seconds of `time.monotonic`.
        Returns:
            The number of losses after a kill, and the counts of all unexpected outcomes, with the other losses.
        """
        others = [loss for loss in self.losses if not any(0 <= loss.time - time <= LOSS_SECONDS for time in kill_times)]
        unexpected = self.unexpected + Counter(f"{loss.kind}: lost, {loss.reason}" for loss in others)
        return len(self.losses) - len(others), unexpected


def judge(request, answer, state):
    """Compare an answer with the expected one.

    Args:
        request: The request.
        answer: The answer.
        state: The expected behaviour of the service while it answers.
    Returns:
        Text that says what is unexpected, or None if the answer is as expected.
    """
    if request.kind == PROBE and state.is_stopping and answer.status == 503:
        return None
    if answer.status != request.status:
        return f"{request.kind}: status {answer.status}"
    if not request.digits:
        return None
    digits = predicted_digits(answer.body)
    if digits in {request.digits[network] for network in state.networks}:
        return None
    return f"{request.kind}: {'the other network' if digits in request.digits else 'wrong digit'}"


def predicted_digits(body):
    """Find the predicted digits in an answer.

    Args:
        body: The body of an answer to a prediction, a batch, a picture, or an inference request of `/v2`.
    Returns:
        The digits, in the order of the images.
    """
    return b"".join(DIGITS.findall(body)).replace(b",", b"").decode()
