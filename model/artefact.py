"""The artefact: an `.npz` file with the six float32 arrays of a network and its card.

`load_artefact` reads the file once, then hashes and parses the same bytes. So the verified bytes are
the bytes in use, even if the file changes meanwhile. Pickles are off, so a file cannot run code.
"""

import hashlib
import io
import os
import stat
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
MAX_ARTEFACT_BYTES = 1024 * 1024  # five times the size of a valid file; limits the memory that a wrong path can cost


@dataclass(frozen=True, eq=False)
class Artefact:
    """The content of a verified file: the network, its card, and the bytes of the file.

    Args:
        network: The network, ready to classify images.
        card: The description of the network.
        sha256: SHA-256 of the file, 64 lower-case hexadecimal digits.
        data: The bytes of the whole file, for another process to parse.
    """

    network: Network
    card: Card
    sha256: str
    data: bytes = field(repr=False)


def load_artefact(path: Path, sha256: str | None = None) -> Artefact:
    """Read a file of weights and verify it.

    Args:
        path: Path of the file, or of a folder that has exactly one file `*.npz`.
        sha256: SHA-256 that the file must have, in hexadecimal; None accepts any file.
    Returns:
        The verified artefact.
    Raises:
        ArtefactError: The file is missing, unreadable, too large or not a regular file, has another hash, or is not an
            artefact of this format. Or the folder has no file of weights, or several.
    """
    try:
        path = _find_file(path)
        with open(path, "rb", opener=_open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ArtefactError(f"{path} is not a regular file")
            data = file.read(MAX_ARTEFACT_BYTES + 1) or b""  # None if the file system has no data yet
    except OSError as error:
        raise ArtefactError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_ARTEFACT_BYTES:
        raise ArtefactError(f"{path} is larger than {MAX_ARTEFACT_BYTES} bytes")
    artefact_sha256 = hashlib.sha256(data).hexdigest()
    if sha256 is not None and sha256.lower() != artefact_sha256:
        raise ArtefactError(f"{path} has SHA-256 {artefact_sha256}, not {sha256.lower()}")
    return parse_artefact(data, str(path))


def parse_artefact(data: bytes, source: str) -> Artefact:
    """Parse and verify the bytes of a file of weights.

    Args:
        data: The bytes of the whole file.
        source: Name of the file for error messages.
    Returns:
        The verified artefact.
    Raises:
        ArtefactError: The bytes are not an artefact of this format.
    """
    try:
        members = _read_members(data)
    except Exception as error:
        # On hostile bytes, zipfile and NumPy's parser raise a dozen unrelated exception classes.
        raise ArtefactError(f"{source} is not a readable .npz archive") from error
    if sorted(members) != sorted(MEMBERS):
        raise ArtefactError(f"{source} must hold exactly {', '.join(MEMBERS)}")
    card_text = members.pop("card")
    if card_text.dtype.kind != "U" or card_text.ndim != 0:
        raise ArtefactError(f"{source} has a card that is not a string")
    try:
        network, card = Network(Weights(**members)), parse_card(str(card_text))
    except WeightsError as error:
        raise ArtefactError(f"{source} is not a {'-'.join(map(str, LAYER_SIZES))} network: {error}") from error
    except CardError as error:
        raise ArtefactError(f"{source} has a bad card: {error}") from error
    return Artefact(network, card, hashlib.sha256(data).hexdigest(), data)


def save_artefact(path: Path, weights: Weights, card: Card) -> None:
    """Write a file of weights atomically.

    The bytes go to a temporary file in the same folder. This file is flushed to the disk and then
    renamed to the target. A reader at any moment, or after a power failure, finds either the old
    file or the new file, always complete.

    Args:
        path: Path of the target; an existing file is replaced.
        weights: Parameters of the network, float32.
        card: The description of the network.
    Raises:
        WeightsError: The arrays are not valid parameters of this network.
        OSError: The folder is not writable.
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


def _find_file(path: Path) -> Path:
    """Find the file of weights in a folder, and return the path of anything else unchanged."""
    if not path.is_dir():
        return path
    files = [file for file in path.iterdir() if _may_be_artefact(file)]
    if len(files) != 1:
        raise ArtefactError(f"{path} is a folder with {len(files)} .npz files; it must have exactly one")
    return files[0]


def _may_be_artefact(file: Path) -> bool:
    """Tell whether an entry of a folder can be the file of weights.

    Temporary files and the metadata of macOS have names that begin with a dot. Names with control characters could not
    be part of a readable message.
    """
    is_visible = not file.name.startswith(".") and file.name.isprintable()
    return file.suffix == ".npz" and is_visible and not file.is_dir()


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file, but do not wait for a process that writes if it is a FIFO."""
    return os.open(path, flags | os.O_NONBLOCK)


def _read_members(data: bytes) -> dict[str, NDArray[Any]]:
    """Unpack the arrays of an archive whose members together hold at most `MAX_ARTEFACT_BYTES`.

    Each member is read to its end before it is parsed, because only a complete read checks its CRC.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(member.file_size for member in archive.infolist()) > MAX_ARTEFACT_BYTES:
            raise ValueError("the archive unpacks to too much")
        if len(set(archive.namelist())) < len(archive.namelist()):
            raise ValueError("the archive holds two members of one name")
        contents = {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # NumPy never warns about a header that it wrote itself
        return {name: read_array(io.BytesIO(npy), allow_pickle=False) for name, npy in contents.items()}
