"""Tests of the artefact file: saving and loading keep every bit, and invalid files are rejected."""

import io
import json
import warnings
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from model import ArtefactError, load_artefact, parse_artefact, save_artefact
from model.artefact import MAX_ARTEFACT_BYTES
from tests.conftest import ROOT

RELEASED = ROOT / "model" / "digits.npz"
RELEASED_BYTES = RELEASED.read_bytes()


def read_members():
    """Read the arrays of the released file, by name."""
    with np.load(RELEASED, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def pack(arrays, **options):
    """Write arrays to an `.npz` archive and return its bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, **options, **arrays)
    return buffer.getvalue()


def replace_card_fields(**changes):
    """Return the released file with some fields of the card replaced."""
    document = json.loads(str(read_members()["card"]))
    return pack({**read_members(), "card": np.array(json.dumps({**document, **changes}))})


def replace_member(name, content):
    """Return the released file with the bytes of one member replaced."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(RELEASED) as old, zipfile.ZipFile(buffer, "w") as new:
        for member in old.namelist():
            new.writestr(member, content if member == name else old.read(member))
    return buffer.getvalue()


def duplicate_member(name):
    """Return the released file with one member twice."""
    buffer = io.BytesIO(RELEASED_BYTES)
    with zipfile.ZipFile(buffer, "a") as archive, warnings.catch_warnings(action="ignore"):
        archive.writestr(name, archive.read(name))
    return buffer.getvalue()


def are_equal(first, second):
    """Compare the weights and cards of two artefacts."""
    arrays = zip(first.network.weights, second.network.weights, strict=True)
    return first.card == second.card and all(np.array_equal(a, b) for a, b in arrays)


def test_save_and_load_preserve_every_bit(artefact, tmp_path):
    path = tmp_path / "saved.npz"
    save_artefact(path, artefact.network.weights, artefact.card)
    assert are_equal(load_artefact(path), artefact)


def test_saving_twice_writes_identical_bytes(artefact, tmp_path):
    paths = [tmp_path / "first.npz", tmp_path / "second.npz"]
    for path in paths:
        save_artefact(path, artefact.network.weights, artefact.card)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_failed_save_keeps_the_old_file_and_leaves_no_temporary_file(artefact, tmp_path):
    path = tmp_path / "kept.npz"
    path.write_bytes(b"old")
    # JSON cannot represent this card, so the save fails after it has created its temporary file.
    unserialisable = replace(artefact.card, hyperparameters={"rate": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        save_artefact(path, artefact.network.weights, unserialisable)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


# Positions of the archive's structure: the header of each member, and the directory at the end.
STRUCTURE_POSITIONS = sorted(
    {
        position
        for member in zipfile.ZipFile(RELEASED).infolist()
        for position in range(member.header_offset, member.header_offset + 200)
    }
    | set(range(len(RELEASED_BYTES) - 800, len(RELEASED_BYTES)))
)


@settings(max_examples=300)
@given(st.sampled_from(STRUCTURE_POSITIONS) | st.integers(0, len(RELEASED_BYTES) - 1), st.integers(1, 255))
@example(0, 1)
@example(len(RELEASED_BYTES) - 1, 255)
def test_a_file_with_a_changed_byte_is_rejected_or_gives_the_same_artefact(artefact, position, mask):
    data = bytearray(RELEASED_BYTES)
    data[position] ^= mask
    try:
        parsed = parse_artefact(bytes(data), "changed")
    except ArtefactError:
        return
    assert are_equal(parsed, artefact)


@given(st.integers(0, len(RELEASED_BYTES) - 1))
def test_a_truncated_file_is_rejected(length):
    with pytest.raises(ArtefactError, match=r"short is not a readable \.npz archive"):
        parse_artefact(RELEASED_BYTES[:length], "short")


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_rejected(data):
    with pytest.raises(ArtefactError):
        parse_artefact(data, "noise")


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (pack({name: array for name, array in read_members().items() if name != "W3"}), "must hold exactly W1, b1"),
        (pack({**read_members(), "extra": np.zeros(1)}), "must hold exactly W1, b1"),
        (pack({**read_members(), "W2": np.zeros((200, 151), np.float32)}), "W2 must have shape"),
        (pack({**read_members(), "b3": np.zeros(10)}), "b3 must be float32, not float64"),
        (pack({**read_members(), "b3": np.full(10, np.inf, np.float32)}), "b3 holds NaN or infinity"),
        (pack({**read_members(), "card": np.array(1)}), "has a card that is not a string"),
        (pack({**read_members(), "card": np.array("{")}), "has a bad card: is not JSON"),
        (pack({**read_members(), "W1": np.array([{}], object)}), r"not a readable \.npz"),
        (replace_card_fields(format_version=2), "format_version must be 3"),
        (replace_card_fields(seed="0"), "seed has the wrong type"),
        (replace_card_fields(seed=True), "seed has the wrong type"),
        (replace_card_fields(surprise=1), "must have exactly"),
        (replace_card_fields(name="\ud800"), "is not JSON"),
        (replace_member("card.npy", pack({"a": np.zeros(1)})), r"not a readable \.npz"),
        (replace_member("W1.npy", b"\x93NUMPY\x01\x00\x06\x00{[]:1}"), r"not a readable \.npz"),
        (replace_member("W1.npy", b"\x93NUMPY\x01\x00\x09\x00{1,[2]}  "), r"not a readable \.npz"),
        (duplicate_member("W1.npy"), r"not a readable \.npz"),
    ],
)
def test_the_error_names_the_fault_of_an_invalid_file(data, fault):
    with pytest.raises(ArtefactError, match=fault):
        parse_artefact(data, "file.npz")


def test_loading_never_runs_a_pickle():
    class Bomb:
        def __reduce__(self):
            return pytest.fail, ("the pickle ran",)

    with pytest.raises(ArtefactError):
        parse_artefact(pack({**read_members(), "W1": np.array([Bomb()])}, allow_pickle=True), "bomb.npz")


def test_an_archive_that_unpacks_to_more_than_the_limit_is_rejected():
    buffer = io.BytesIO()
    np.savez_compressed(buffer, W1=np.zeros(MAX_ARTEFACT_BYTES, np.uint8))
    with pytest.raises(ArtefactError, match="not a readable"):
        parse_artefact(buffer.getvalue(), "bomb.npz")


def test_the_error_names_a_missing_file(tmp_path):
    with pytest.raises(ArtefactError, match=r"nowhere\.npz cannot be read: No such file"):
        load_artefact(tmp_path / "nowhere.npz")


def test_the_one_file_of_a_folder_is_loaded(tmp_path, artefact):
    (tmp_path / "any-name.npz").write_bytes(RELEASED_BYTES)
    others = ("README.md", "digits.npz.sha256", ".digits.npz.k3j2", "._any-name.npz", ".npz", "X.NPZ", "a\n.npz")
    for other in others:
        (tmp_path / other).touch()
    for folder in ("..data", "old.npz"):  # volumes of Kubernetes have the first one
        (tmp_path / folder).mkdir()
    assert are_equal(load_artefact(tmp_path, artefact.sha256), artefact)


@pytest.mark.parametrize("count", [0, 2])
def test_a_folder_without_exactly_one_file_is_rejected(tmp_path, count):
    for number in range(count):
        (tmp_path / f"{number}.npz").write_bytes(RELEASED_BYTES)
    with pytest.raises(ArtefactError) as error:
        load_artefact(tmp_path)
    assert str(error.value) == f"{tmp_path} is a folder with {count} .npz files; it must have exactly one"


def test_the_error_names_the_file_of_a_folder(tmp_path):
    (tmp_path / "bad.npz").touch()
    with pytest.raises(ArtefactError, match=f"^{tmp_path}/bad.npz is not a readable"):
        load_artefact(tmp_path)


def test_a_file_over_the_size_limit_is_rejected_before_parsing(tmp_path):
    path = tmp_path / "huge.npz"
    with path.open("wb") as file:
        file.truncate(MAX_ARTEFACT_BYTES + 1)
    with pytest.raises(ArtefactError, match=f"larger than {MAX_ARTEFACT_BYTES} bytes"):
        load_artefact(path)


def test_a_file_with_another_hash_than_the_pinned_one_is_rejected(artefact):
    assert load_artefact(RELEASED, artefact.sha256.upper()).sha256 == artefact.sha256
    with pytest.raises(ArtefactError, match=f"has SHA-256 {artefact.sha256}, not {'0' * 64}"):
        load_artefact(RELEASED, "0" * 64)
