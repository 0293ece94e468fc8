"""A file of weights that is exchanged while the service runs."""

import json
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.serving.contenders import WEIGHTS
from benchmarks.serving.probe import TOLERANCE
from model import Network, Weights, load_artefact, save_artefact


class WeightsFile:
    """A file of weights with two networks in turn, each time with another version and another hash.

    Args:
        path: Its path; version 1 is written at once.

    Attributes:
        path: The path.
        hashes: The SHA-256 of each file so far; the last one is that of the present file.
        networks: The two networks.
    """

    def __init__(self, path):
        released = load_artefact(WEIGHTS)
        self.path, self._card = path, released.card
        self.networks = (released.network, Network(other_weights(released.network.weights)))
        self.hashes: list[str] = []
        self.exchange()

    def exchange(self):
        """Replace the file by the next version."""
        network = self.networks[len(self.hashes) % len(self.networks)]
        save_artefact(self.path, network.weights, replace(self._card, version=str(len(self.hashes) + 1)))
        self.hashes.append(load_artefact(self.path).sha256)

    def damage(self):
        """Replace the file by its first half."""
        half = Path(f"{self.path}.half")
        content = self.path.read_bytes()
        half.write_bytes(content[: len(content) // 2])
        half.replace(self.path)


def other_weights(weights):
    """Build weights that predict the same digits with other probabilities.

    The hidden units change their order. So a network with some of its layers from either weights predicts nonsense.

    Args:
        weights: The `Weights`.
    Returns:
        The other `Weights`.
    """
    w1, b1, w2, b2, w3, b3 = weights
    reordered = Weights(w1[:, ::-1], b1[::-1], w2[::-1, ::-1], b2[::-1], w3[::-1] / 2, b3 / 2)
    return Weights(*map(np.ascontiguousarray, reordered))


def count_by_network(answers, images, networks):
    """Count the answers that each network gives.

    Args:
        answers: The number of answers, by the index of the image and the body.
        images: The images, shape (B, 64).
        networks: The networks.
    Returns:
        The number of answers by the index of the network; None counts the answers that none of the networks gives.
    """
    expected = [network.probabilities(images) for network in networks]
    counts: Counter[int | None] = Counter()
    for (image, body), count in answers.items():
        matching = [number for number, rows in enumerate(expected) if is_prediction(body, rows[image])]
        counts[matching[0] if matching else None] += count
    return counts


def is_prediction(body, probabilities):
    """Return True if the body of an answer has these probabilities and their digit."""
    with suppress(ValueError, KeyError):  # not JSON, or JSON without a prediction
        answer = json.loads(body)
        is_close = np.allclose(answer["probabilities"], probabilities, rtol=0, atol=TOLERANCE)
        return is_close and answer["digit"] == np.argmax(probabilities)
    return False
