"""Images in, readings out: the one place that asks the network."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model import Floats32, Network


class Readings(NamedTuple):
    """What B images show."""

    digits: NDArray[np.int64]  # (B,), the most probable of each
    probabilities: Floats32  # (B, 10), in [0, 1]


class Reader:
    """Reads images with one network, and lets others know what it read. Belongs to one event loop.

    Args:
        network: What reads them.
        observers: Each is told of the images of every request, before its caller.
    """

    def __init__(self, network: Network, *observers: Callable[[Readings], None]) -> None:
        self._network = network
        self._observers = observers
        self._waiting: list[tuple[Floats32, asyncio.Future[Readings]]] = []

    def read(self, pixels: Floats32) -> Readings:
        """Say which digits images show.

        Args:
            pixels: Shape (B, 64), float32 in [0, 16].
        Returns:
            What they show, in order.
        """
        return self._told(self._pass(pixels))

    async def read_together(self, pixels: Floats32) -> Readings:
        """Say which digit an image shows, in one pass with those of other requests that are there by now.

        This is micro-batching without a delay: nobody waits for a request that may yet come. The pass is made
        as soon as the event loop has run what is ready; with eight rows it costs twice what it does with one.

        Args:
            pixels: Shape (1, 64), float32 in [0, 16].
        Returns:
            What it shows.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._read_waiting)
        answer: asyncio.Future[Readings] = loop.create_future()
        self._waiting.append((pixels, answer))
        return self._told(await answer)

    def _read_waiting(self) -> None:
        """Read what waits, and give everyone the row that is theirs."""
        waiting = [(pixels, answer) for pixels, answer in self._waiting if not answer.cancelled()]
        self._waiting = []
        if not waiting:
            return
        images, answers = zip(*waiting, strict=True)
        try:
            digits, probabilities = self._pass(np.concatenate(images))
        except Exception as error:  # whatever it is, everyone who waits is to have it, or would wait for ever
            for answer in answers:
                answer.set_exception(error)
            return
        for row, answer in enumerate(answers):
            answer.set_result(Readings(digits[row : row + 1], probabilities[row : row + 1]))

    def _pass(self, pixels: Floats32) -> Readings:
        probabilities = self._network.probabilities(pixels)  # (B, 10)
        digits = probabilities.argmax(axis=1).astype(np.int64, copy=False)  # (B,)
        return Readings(digits, probabilities)

    def _told(self, readings: Readings) -> Readings:
        for observe in self._observers:
            observe(readings)
        return readings
