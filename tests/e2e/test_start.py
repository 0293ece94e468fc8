"""A service that cannot start prints the reason in one sentence, and ends with the status 1."""

import socket
import subprocess

import pytest

from tests.conftest import ROOT
from tests.e2e.server import COMMAND, service_environment


def start_error(*arguments, **settings):
    """Start a service that cannot start, and return the sentence that it prints."""
    result = subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=service_environment(**settings),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.endswith("\n")
    (sentence,) = result.stderr.splitlines()
    return sentence


@pytest.mark.parametrize("workers", ["1", "2"])
def test_error_names_a_missing_artefact(workers, tmp_path):
    sentence = start_error("--workers", workers, port=0, weights=tmp_path / "none.npz")
    assert sentence == f"digits cannot start: {tmp_path}/none.npz cannot be read: No such file or directory"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_error_names_a_damaged_artefact(workers, tmp_path):
    weights = tmp_path / "bad.npz"
    weights.write_bytes((ROOT / "model" / "digits.npz").read_bytes()[:-100])
    sentence = start_error("--workers", workers, port=0, weights=weights)
    assert sentence == f"digits cannot start: {weights} is not a readable .npz archive"


def test_artefact_with_another_hash_than_the_pinned_one_is_rejected():
    assert f"not {'0' * 64}" in start_error(port=0, weights_sha256="0" * 64)


@pytest.mark.parametrize(
    ("name", "value"), [("port", "eighty"), ("port", 70000), ("workers", 0), ("drain_seconds", -1)]
)
def test_error_names_an_invalid_setting(name, value):
    assert start_error(**{name: value}).startswith(f"digits cannot start: DIGITS_{name.upper()}: Input should be ")


def test_error_of_an_invalid_flag_names_its_setting():
    assert start_error("--port", "70000").startswith("digits cannot start: DIGITS_PORT: ")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_error_names_a_taken_port(workers):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = start_error("--workers", workers, port=port)
    assert sentence == f"digits cannot start: cannot listen on 127.0.0.1 port {port}: Address already in use"


def test_error_names_an_address_of_another_machine():
    assert start_error(host="192.0.2.1").startswith("digits cannot start: cannot listen on 192.0.2.1 port 8000: ")


def test_error_names_an_unknown_host():
    assert start_error(host="nobody.invalid").startswith(
        "digits cannot start: cannot listen on nobody.invalid port 8000: "
    )


def test_help_names_flags_and_settings():
    result = subprocess.run([*COMMAND, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for flag in ("--host", "--port", "--workers", "--root-path", "DIGITS_WEIGHTS", "DIGITS_DRAIN_SECONDS"):
        assert flag in result.stdout
