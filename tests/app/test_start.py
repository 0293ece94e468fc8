"""A service that cannot start gives the reason in one sentence, before it accepts a request."""

import os
import re
import socket

import pytest

from app.__main__ import main
from tests.conftest import ROOT


@pytest.fixture
def start_error(monkeypatch):
    """Return a function that starts a service that cannot start, and returns the sentence that it prints."""
    for name in [name for name in os.environ if name.startswith("DIGITS_")]:
        monkeypatch.delenv(name)
    # A service that starts nevertheless would serve for ever, so its port is taken.
    taken = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv("DIGITS_PORT", str(taken.getsockname()[1]))

    def start(*arguments, **settings):
        for name, value in settings.items():
            monkeypatch.setenv(f"DIGITS_{name.upper()}", str(value))
        with pytest.raises(SystemExit) as end:
            main(arguments)
        return end.value.code  # Python prints a text to standard error, and ends the process with the status 1

    yield start
    taken.close()


def test_error_names_a_missing_artefact(start_error, tmp_path):
    sentence = start_error(weights=tmp_path / "none.npz")
    assert sentence == f"digits cannot start: {tmp_path}/none.npz cannot be read: No such file or directory"


def test_error_names_a_damaged_artefact(start_error, tmp_path):
    weights = tmp_path / "bad.npz"
    weights.write_bytes((ROOT / "model" / "digits.npz").read_bytes()[:-100])
    assert start_error(weights=weights) == f"digits cannot start: {weights} is not a readable .npz archive"


def test_artefact_with_another_hash_than_the_pinned_one_is_rejected(start_error):
    assert f"not {'0' * 64}" in start_error(weights_sha256="0" * 64)


def test_error_names_every_invalid_setting(start_error):
    sentence = start_error(port="eighty", workers=0, drain_seconds=-1)
    prefix, *errors = re.split(r"DIGITS_(?=[A-Z])", sentence)
    assert prefix == "digits cannot start: "
    assert [error.partition(": Input should be ")[0] for error in errors] == ["PORT", "WORKERS", "DRAIN_SECONDS"]


def test_error_of_an_invalid_flag_names_its_setting(start_error):
    assert start_error("--port", "70000").startswith("digits cannot start: DIGITS_PORT: ")


def test_error_names_a_taken_port(start_error):
    sentence, port = start_error(), os.environ["DIGITS_PORT"]
    assert sentence == f"digits cannot start: cannot listen on 127.0.0.1 port {port}: Address already in use"


def test_error_names_an_address_of_another_machine(start_error):
    sentence = start_error(host="192.0.2.1", port=8000)
    assert sentence.startswith("digits cannot start: cannot listen on 192.0.2.1 port 8000: ")


def test_error_names_an_unknown_host(start_error):
    sentence = start_error(host="nobody.invalid", port=8000)
    assert sentence.startswith("digits cannot start: cannot listen on nobody.invalid port 8000: ")
