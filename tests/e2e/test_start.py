"""A service that cannot start says why in one sentence, and does not try again."""

import socket
import subprocess

import pytest

from tests.conftest import ROOT
from tests.e2e.server import COMMAND, environment


def refusal(*arguments, **settings):
    """Start a service that cannot, and give what it said."""
    result = subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=environment(**settings),
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
def test_a_missing_artefact_is_named(workers, tmp_path):
    sentence = refusal("--workers", workers, port=0, weights=tmp_path / "none.npz")
    assert sentence == f"digits cannot start: {tmp_path}/none.npz cannot be read: No such file or directory"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_bad_artefact_is_named(workers, tmp_path):
    file = tmp_path / "bad.npz"
    file.write_bytes((ROOT / "model" / "digits.npz").read_bytes()[:-100])
    sentence = refusal("--workers", workers, port=0, weights=file)
    assert sentence == f"digits cannot start: {file} is not a readable .npz archive"


def test_an_artefact_with_another_hash_than_the_pinned_one_is_refused():
    assert f"not {'0' * 64}" in refusal(port=0, weights_sha256="0" * 64)


@pytest.mark.parametrize(
    ("name", "value"), [("port", "eighty"), ("port", 70000), ("workers", 0), ("drain_seconds", -1)]
)
def test_a_bad_setting_is_named(name, value):
    assert refusal(**{name: value}).startswith(f"digits cannot start: DIGITS_{name.upper()}: Input should be ")


def test_a_bad_flag_is_named_by_its_setting():
    assert refusal("--port", "70000").startswith("digits cannot start: DIGITS_PORT: ")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_taken_port_is_named(workers):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = refusal("--workers", workers, port=port)
    assert sentence == f"digits cannot start: cannot listen on 127.0.0.1 port {port}: Address already in use"


def test_an_address_of_another_machine_is_named():
    assert refusal(host="192.0.2.1").startswith("digits cannot start: cannot listen on 192.0.2.1 port 8000: ")


def test_a_name_that_nobody_has_is_named():
    assert refusal(host="nobody.invalid").startswith("digits cannot start: cannot listen on nobody.invalid port 8000: ")


def test_help_describes_every_flag_and_names_every_setting():
    result = subprocess.run([*COMMAND, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for flag in ("--host", "--port", "--workers", "--root-path", "DIGITS_WEIGHTS", "DIGITS_DRAIN_SECONDS"):
        assert flag in result.stdout
