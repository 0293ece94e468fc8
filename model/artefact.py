"""The one file format: an `.npz` with six float32 arrays and the card.

A file is read once, as bytes; those bytes are hashed, and those same bytes are parsed, with
pickles off. So what was verified is what is used, and nothing in a file can run code.
"""

import hashlib
import io
import os
import tempfile
import warnings
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import read_array
from numpy.typing import NDArray

from model.card import Card, dump_card, parse_card
from model.errors import ArtefactError, CardError, WeightsError
from model.mlp import LAYER_SIZES, Network, Weights

MEMBERS = (*Weights._fields, "card")
MAX_BYTES = 8 * 1024 * 1024  # forty times what the format needs; bounds what a wrong path costs


@dataclass(frozen=True, eq=False)
class Artefact:
    """A verified file: the network, its card, and the bytes they came from.

    Args:
        network: The network, ready to answer.
        card: What it is and how well it reads.
        sha256: SHA-256 of the file, 64 lower-case hexadecimal digits.
        data: The whole file, to hand on to another process.
    """

    network: Network
    card: Card
    sha256: str
    data: bytes = field(repr=False)


def load_artefact(path: Path, sha256: str | None = None) -> Artefact:
    """Read a file of weights and verify it.

    Args:
        path: The file.
        sha256: The hash that the file must have, in hexadecimal; None accepts any.
    Returns:
        The verified artefact.
    Raises:
        ArtefactError: The file is missing or unreadable, has another hash, or is not an
            artefact of this format.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ArtefactError(str(path), f"cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise ArtefactError(str(path), f"is larger than {MAX_BYTES} bytes")
    artefact_sha256 = hashlib.sha256(data).hexdigest()
    if sha256 is not None and sha256.lower() != artefact_sha256:
        raise ArtefactError(str(path), f"has SHA-256 {artefact_sha256}, not {sha256.lower()}")
    return parse_artefact(data, str(path))


def parse_artefact(data: bytes, source: str) -> Artefact:
    """Turn the bytes of a file into a verified artefact.

    Args:
        data: The whole file.
        source: Where they came from, for the error.
    Returns:
        The verified artefact.
    Raises:
        ArtefactError: The bytes are not an artefact of this format.
    """
    try:
        members = _read_members(data)
    except Exception as error:
        # zipfile and NumPy's parser raise a dozen unrelated classes on bytes that were made to harm.
        raise ArtefactError(source, "is not a readable .npz archive") from error
    if sorted(members) != sorted(MEMBERS):
        raise ArtefactError(source, f"must hold exactly {', '.join(MEMBERS)}")
    text = members.pop("card")
    if text.dtype.kind != "U" or text.ndim != 0:
        raise ArtefactError(source, "has a card that is not a string")
    try:
        network, card = Network(Weights(**members)), parse_card(str(text))
    except WeightsError as error:
        raise ArtefactError(source, f"is not a {'-'.join(map(str, LAYER_SIZES))} network: {error}") from error
    except CardError as error:
        raise ArtefactError(source, f"has a bad card: {error}") from error
    return Artefact(network, card, hashlib.sha256(data).hexdigest(), data)


def save_artefact(path: Path, weights: Weights, card: Card) -> None:
    """Write a file of weights, whole or not at all.

    The bytes go to a temporary file beside the target, reach the disk, and take the target's
    name in one step: whoever reads meanwhile, or pulls the plug, finds the old file or the new.

    Args:
        path: The target; replaced if it exists.
        weights: float32 arrays of this network.
        card: What the file says of them.
    Raises:
        WeightsError: The arrays are not a network of this format.
        OSError: The folder cannot be written.
    """
    network = Network(weights)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            np.savez(file, allow_pickle=False, **network.weights._asdict(), card=np.array(dump_card(card)))
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o644)
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _read_members(data: bytes) -> dict[str, NDArray[Any]]:
    """Unpack the arrays, never more than `MAX_BYTES` of them.

    Each member is read to its end first, which checks its CRC, and only then parsed.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
            raise ValueError("the archive unpacks to too much")
        if len(set(archive.namelist())) < len(archive.namelist()):
            raise ValueError("the archive holds two members of one name")
        contents = {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a header that NumPy only frowns at is not one that it wrote
        return {name: read_array(io.BytesIO(npy), allow_pickle=False) for name, npy in contents.items()}
