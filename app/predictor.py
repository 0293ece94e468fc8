"""The predictor: the one place where the service runs the network."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model import Floats32, Network


class Predictions(NamedTuple):
    """The answer of the network to B images."""

    digits: NDArray[np.int64]  # (B,), the most probable digit of each image
    probabilities: Floats32  # (B, 10), in [0, 1]


class Predictor:
    """Predicts digits with one network and informs observers of each request.

    A predictor belongs to one event loop.

    Args:
        network: The network.
        observers: Functions that are called with the predictions of each request, before the caller gets
            them.
    """

    def __init__(self, network: Network, *observers: Callable[[Predictions], None]) -> None:
        self._network = network
        self._observers = observers
        self._waiting: list[tuple[Floats32, asyncio.Future[Predictions]]] = []

    def predict(self, pixels: Floats32) -> Predictions:
        """Predict the digits of the images of one request.

        Args:
            pixels: Images, shape (B, 64), float32 in [0, 16].
        Returns:
            The predictions, in the order of the images.
        """
        return self._inform_observers(self._run_network(pixels))

    async def predict_batched(self, pixels: Floats32) -> Predictions:
        """Predict the digit of one image, in a micro-batch with the images of other waiting requests.

        The micro-batch runs as soon as the event loop has run all callbacks that are ready. No request waits
        for one that has not arrived yet. Batching pays, because a forward pass of eight
        images costs only twice as much as a pass of one.

        Args:
            pixels: One image, shape (1, 64), float32 in [0, 16].
        Returns:
            The prediction for this image.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._run_micro_batch)
        future: asyncio.Future[Predictions] = loop.create_future()
        self._waiting.append((pixels, future))
        return self._inform_observers(await future)

    def _run_micro_batch(self) -> None:
        """Run one forward pass for all waiting images, and give each future its own prediction."""
        waiting = [(pixels, future) for pixels, future in self._waiting if not future.cancelled()]
        self._waiting = []
        if not waiting:
            return
        images, futures = zip(*waiting, strict=True)
        try:
            digits, probabilities = self._run_network(np.concatenate(images))
        except Exception as error:  # every waiting request must get the error, or it would wait for ever
            for future in futures:
                future.set_exception(error)
            return
        for index, future in enumerate(futures):
            future.set_result(Predictions(digits[index : index + 1], probabilities[index : index + 1]))

    def _run_network(self, pixels: Floats32) -> Predictions:
        probabilities = self._network.probabilities(pixels)  # (B, 10)
        digits = probabilities.argmax(axis=1).astype(np.int64, copy=False)  # (B,)
        return Predictions(digits, probabilities)

    def _inform_observers(self, predictions: Predictions) -> Predictions:
        for observe in self._observers:
            observe(predictions)
        return predictions
