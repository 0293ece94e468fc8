"""Keys come from the environment and from a file, and a fault is one sentence without any key."""

import os

import pytest
from pydantic import SecretStr

from app.process.keys import MAX_KEYS, KeysError, load_keys, with_keys
from app.settings import Settings

TEXT = "s3cret-key"


def load(path, content, **settings):
    path.write_bytes(content)
    return load_keys(Settings(api_keys_file=path, **settings)).decode().split("\n")


def test_without_keys_the_service_is_open():
    assert load_keys(Settings()) == b""
    assert with_keys(Settings(api_keys=(SecretStr("old"),)), b"").api_keys == ()


@pytest.mark.parametrize(
    "content",
    [b"one\ntwo", b"one\ntwo\n", b"one\r\ntwo\r\n", b"\n  one \n\n\ttwo\n", b"\xef\xbb\xbfone\ntwo", b"one\ntwo\none"],
)
def test_file_has_one_key_a_line_and_blanks_around_it_do_not_count(tmp_path, content):
    assert load(tmp_path / "keys", content) == ["one", "two"]


def test_keys_of_both_settings_are_valid(tmp_path):
    assert load(tmp_path / "keys", b"two\none", api_keys=("one", "three")) == ["one", "three", "two"]


def test_keys_of_the_environment_are_replaced_by_the_loaded_ones():
    settings = with_keys(Settings(api_keys=(SecretStr("one"),), port=1234), b"two\nthree")
    assert [key.get_secret_value() for key in settings.api_keys] == ["two", "three"]
    assert settings.port == 1234


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "has no keys"),
        (b" \n\t\n", "has no keys"),
        (f"{TEXT}\n{TEXT} {TEXT}".encode(), "line 2 is not a key"),
        (f"{TEXT}é".encode(), "line 1 is not a key"),
        (f"{TEXT}".encode() + b"\xff", "line 1 is not a key"),
        (b"\xff\xfe" + TEXT.encode("utf-16-le"), "line 1 is not a key"),
        (TEXT.encode() * 26, "line 1 is not a key"),
        (TEXT.encode() * 7000, "is larger than 65536 bytes"),
        (b"\n".join(b"%d" % number for number in range(MAX_KEYS + 1)), "there are 21 API keys, and at most 20"),
    ],
)
def test_fault_of_a_file_is_one_sentence_that_contains_no_key(tmp_path, content, fault):
    with pytest.raises(KeysError) as caught:
        load(tmp_path / "keys", content)
    assert fault in str(caught.value)
    assert TEXT not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_largest_number_of_the_longest_keys_is_accepted(tmp_path):
    keys = [f"{number:256}".replace(" ", "x") for number in range(MAX_KEYS)]
    assert load(tmp_path / "keys", "\n".join(keys).encode()) == keys


def test_file_that_cannot_be_read_is_named_and_blocks_nothing(tmp_path):
    os.mkfifo(tmp_path / "FIFO")
    with (tmp_path / "sparse").open("wb") as sparse:
        sparse.truncate(10 * 2**30)
    for path, fault in (
        (tmp_path / "missing", "cannot be read: No such file or directory"),
        (tmp_path, "is not a regular file"),
        (tmp_path / "FIFO", "is not a regular file"),
        (tmp_path / "sparse", "is larger than 65536 bytes"),
    ):
        with pytest.raises(KeysError) as caught:
            load_keys(Settings(api_keys_file=path))
        assert str(caught.value) == f"DIGITS_API_KEYS_FILE: {path} {fault}"


@pytest.mark.parametrize("value", ["", "[]"])
def test_empty_list_means_open(monkeypatch, value):
    monkeypatch.setenv("DIGITS_API_KEYS", value)
    assert load_keys(Settings()) == b""


def test_empty_name_of_a_file_does_not_open_the_service(monkeypatch):
    monkeypatch.setenv("DIGITS_API_KEYS_FILE", "")
    with pytest.raises(KeysError, match="is not a regular file"):
        load_keys(Settings())
