"""What was saved comes back to the bit; whatever is not an artefact is refused with its fault."""

import io
import json
import warnings
import zipfile
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from model import (
    ArtefactError,
    CardError,
    dump_card,
    load_artefact,
    parse_artefact,
    parse_card,
    save_artefact,
)
from model.artefact import MAX_BYTES
from tests.conftest import ROOT

RELEASED = ROOT / "model" / "digits.npz"
BYTES = RELEASED.read_bytes()


def members():
    with np.load(RELEASED, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def packed(arrays, **options):
    buffer = io.BytesIO()
    np.savez(buffer, **options, **arrays)
    return buffer.getvalue()


def with_card(**changes):
    document = json.loads(str(members()["card"]))
    return packed({**members(), "card": np.array(json.dumps({**document, **changes}))})


def with_member(name, content):
    """The released file with one member's bytes replaced."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(RELEASED) as old, zipfile.ZipFile(buffer, "w") as new:
        for member in old.namelist():
            new.writestr(member, content if member == name else old.read(member))
    return buffer.getvalue()


def twice(name):
    """The released file with one member in it twice."""
    buffer = io.BytesIO(BYTES)
    with zipfile.ZipFile(buffer, "a") as archive, warnings.catch_warnings(action="ignore"):
        archive.writestr(name, archive.read(name))
    return buffer.getvalue()


def same(one, other):
    arrays = zip(one.network.weights, other.network.weights, strict=True)
    return one.card == other.card and all(np.array_equal(a, b) for a, b in arrays)


def test_save_and_load_give_back_every_bit(artefact, tmp_path):
    path = tmp_path / "again.npz"
    save_artefact(path, artefact.network.weights, artefact.card)
    assert same(load_artefact(path), artefact)


def test_saving_twice_writes_the_same_bytes(artefact, tmp_path):
    paths = [tmp_path / "one.npz", tmp_path / "two.npz"]
    for path in paths:
        save_artefact(path, artefact.network.weights, artefact.card)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_save_that_fails_leaves_the_old_file_and_no_other(artefact, tmp_path):
    path = tmp_path / "kept.npz"
    path.write_bytes(b"old")
    # A card that JSON cannot hold stops the save when half of it is done.
    unwritable = replace(artefact.card, hyperparameters={"rate": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        save_artefact(path, artefact.network.weights, unwritable)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


# Where an archive keeps its structure: around each member's header, and in the directory at the end.
STRUCTURE = sorted(
    {
        position
        for member in zipfile.ZipFile(RELEASED).infolist()
        for position in range(member.header_offset, member.header_offset + 200)
    }
    | set(range(len(BYTES) - 800, len(BYTES)))
)


@settings(max_examples=300)
@given(st.sampled_from(STRUCTURE) | st.integers(0, len(BYTES) - 1), st.integers(1, 255))
@example(0, 1)
@example(len(BYTES) - 1, 255)
def test_a_flipped_byte_is_refused_or_changes_nothing(artefact, position, flip):
    data = bytearray(BYTES)
    data[position] ^= flip
    try:
        read = parse_artefact(bytes(data), "flipped")
    except ArtefactError:
        return
    assert same(read, artefact)


@given(st.integers(0, len(BYTES) - 1))
def test_a_truncated_file_is_refused(length):
    with pytest.raises(ArtefactError, match=r"short is not a readable \.npz archive"):
        parse_artefact(BYTES[:length], "short")


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(data):
    with pytest.raises(ArtefactError):
        parse_artefact(data, "noise")


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (packed({k: v for k, v in members().items() if k != "W3"}), "must hold exactly W1, b1"),
        (packed({**members(), "extra": np.zeros(1)}), "must hold exactly W1, b1"),
        (packed({**members(), "W2": np.zeros((200, 151), np.float32)}), "W2 must have shape"),
        (packed({**members(), "b3": np.zeros(10)}), "b3 must be float32, not float64"),
        (packed({**members(), "b3": np.full(10, np.inf, np.float32)}), "b3 holds NaN or infinity"),
        (packed({**members(), "card": np.array(1)}), "has a card that is not a string"),
        (packed({**members(), "card": np.array("{")}), "has a bad card: is not JSON"),
        (packed({**members(), "W1": np.array([{}], object)}), r"not a readable \.npz"),
        (with_card(format_version=1), "format_version must be 2"),
        (with_card(seed="0"), "seed has the wrong type"),
        (with_card(seed=True), "seed has the wrong type"),
        (with_card(surprise=1), "must have exactly"),
        (with_card(name="\ud800"), "is not JSON"),
        (with_member("card.npy", packed({"a": np.zeros(1)})), r"not a readable \.npz"),
        (with_member("W1.npy", b"\x93NUMPY\x01\x00\x06\x00{[]:1}"), r"not a readable \.npz"),
        (with_member("W1.npy", b"\x93NUMPY\x01\x00\x09\x00{1,[2]}  "), r"not a readable \.npz"),
        (twice("W1.npy"), r"not a readable \.npz"),
    ],
)
def test_each_fault_is_named(data, fault):
    with pytest.raises(ArtefactError, match=fault):
        parse_artefact(data, "file.npz")


def test_a_pickle_in_a_file_is_never_run():
    class Bomb:
        def __reduce__(self):
            return pytest.fail, ("the pickle ran",)

    with pytest.raises(ArtefactError):
        parse_artefact(packed({**members(), "W1": np.array([Bomb()])}, allow_pickle=True), "bomb.npz")


def test_an_archive_that_unpacks_to_too_much_is_refused():
    buffer = io.BytesIO()
    np.savez_compressed(buffer, W1=np.zeros(MAX_BYTES, np.uint8))
    with pytest.raises(ArtefactError, match="not a readable"):
        parse_artefact(buffer.getvalue(), "bomb.npz")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ArtefactError, match=r"nowhere\.npz cannot be read: No such file"):
        load_artefact(tmp_path / "nowhere.npz")


def test_a_huge_file_is_refused_without_being_parsed(tmp_path):
    path = tmp_path / "huge.npz"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ArtefactError, match=f"larger than {MAX_BYTES} bytes"):
        load_artefact(path)


def test_a_pinned_hash_must_match(artefact):
    assert load_artefact(RELEASED, artefact.sha256.upper()).sha256 == artefact.sha256
    with pytest.raises(ArtefactError, match=f"has SHA-256 {artefact.sha256}, not {'0' * 64}"):
        load_artefact(RELEASED, "0" * 64)


def test_a_card_comes_back_as_it_was(artefact):
    assert parse_card(dump_card(artefact.card)) == artefact.card


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"accuracy": 0.5}, "accuracy must follow from confusion"),
        ({"rows": 1}, "confusion must add up to rows"),
        ({"log_loss": -1.0}, "log_loss must be"),
        ({"calibration_error": 2.0}, "calibration_error must be between 0 and 1"),
        ({"confusion": [[1]]}, "10 columns"),
        ({"confusion": [[0] * 10] * 11}, "10 rows"),
        ({"confusion": [[-1] * 10] * 10}, "counts"),
    ],
)
def test_figures_that_contradict_each_other_are_refused(artefact, changes, fault):
    document = asdict(artefact.card)
    document["held_out"].update(changes)
    with pytest.raises(CardError, match=fault):
        parse_card(json.dumps(document))
