"""Files of weights: a second valid one, and files that no service can use."""

import io
import os
from dataclasses import replace

import numpy as np

from model import Weights, load_artefact, save_artefact
from tests.conftest import ROOT

RELEASED_BYTES = (ROOT / "model" / "digits.npz").read_bytes()


def second_artefact(path, artefact, version="second"):
    """Write a valid file with other weights and another version, and return its artefact.

    Its network predicts the digit 9 - d where the network of the given artefact predicts d.
    """
    weights = artefact.network.weights
    reversed_output = Weights(**{**weights._asdict(), "W3": weights.W3[:, ::-1].copy(), "b3": weights.b3[::-1].copy()})
    save_artefact(path, reversed_output, replace(artefact.card, version=version))
    return load_artefact(path)


def unsure_artefact(path, artefact):
    """Write a valid file whose network predicts the same digits as the given one, each with less than 60 %."""
    weights = artefact.network.weights
    save_artefact(path, Weights(**{**weights._asdict(), "W3": weights.W3 / 20, "b3": weights.b3 / 20}), artefact.card)


class Bomb:
    """An object whose pickle would create a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def _write_members(path, **changes):
    """Write the released file with changed members."""
    members = dict(np.load(io.BytesIO(RELEASED_BYTES)))
    np.savez(path, **{**members, **changes})


def _flip_bits(path):
    middle = len(RELEASED_BYTES) // 2
    path.write_bytes(RELEASED_BYTES[:middle] + bytes([RELEASED_BYTES[middle] ^ 0xFF]) + RELEASED_BYTES[middle + 1 :])


def _make_sparse(path):
    with path.open("wb") as file:
        file.truncate(10 * 2**30)


# Kind of a file → function that writes it. Each of them is an error, and none of them may take time or run code.
BAD_FILES = {
    "missing": lambda _: None,
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(RELEASED_BYTES[:-100]),
    "flipped bits": _flip_bits,
    "pickle": lambda path: _write_members(path, W1=np.array([Bomb(str(path.with_name("bomb")))])),
    "NaN": lambda path: _write_members(path, b1=np.full(200, np.nan, np.float32)),
    "wrong shape": lambda path: _write_members(path, W1=np.zeros((64, 100), np.float32)),
    "folder": lambda path: path.mkdir(),
    "FIFO": os.mkfifo,
    "sparse file of 10 GiB": _make_sparse,
}
