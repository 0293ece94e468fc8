"""A service that cannot start gives the reason in one sentence, before it accepts a request."""

import os
import re
import socket

import pytest

from app.__main__ import main
from app.settings import INVALID_MODEL_NAME
from model import MAX_ARTEFACT_BYTES
from tests.artefacts import BAD_FILES


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


# Kind of a file → what the error says of it.
FAULTS = {
    "missing": "cannot be read: No such file or directory",
    "empty": "is not a readable .npz archive",
    "truncated": "is not a readable .npz archive",
    "flipped bits": "is not a readable .npz archive",
    "pickle": "is not a readable .npz archive",
    "NaN": "is not a 64-200-150-10 network: b1 holds NaN or infinity",
    "wrong shape": "is not a 64-200-150-10 network: W1 must have shape (64, 200), not (64, 100)",
    "folder": "is a folder with 0 .npz files; it must have exactly one",
    "FIFO": "is not a regular file",
    "sparse file of 10 GiB": f"is larger than {MAX_ARTEFACT_BYTES} bytes",
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_error_names_the_fault_of_a_bad_file_of_weights_and_no_code_of_the_file_runs(start_error, tmp_path, name):
    weights = tmp_path / "bad.npz"
    BAD_FILES[name](weights)
    assert start_error(weights=weights) == f"digits cannot start: {weights} {FAULTS[name]}"
    assert not (tmp_path / "bomb").exists()  # which the pickle would create


def test_artefact_with_another_hash_than_the_pinned_one_is_rejected(start_error):
    assert f"not {'0' * 64}" in start_error(weights_sha256="0" * 64)


def test_error_names_every_invalid_setting(start_error):
    sentence = start_error(port="eighty", workers=0, drain_seconds=-1, cors_origins="https://example.org")
    prefix, *errors = re.split(r"DIGITS_(?=[A-Z])", sentence)
    assert prefix == "digits cannot start: "
    assert [re.split(": Input should be |: must be ", error)[0] for error in errors] == [
        *("PORT", "WORKERS", "DRAIN_SECONDS", "CORS_ORIGINS")
    ]


def test_error_of_an_invalid_flag_names_its_setting(start_error):
    assert start_error("--port", "70000").startswith("digits cannot start: DIGITS_PORT: ")


def test_error_describes_the_names_that_a_model_may_have(start_error):
    assert start_error("--model_name", "stats") == f"digits cannot start: DIGITS_MODEL_NAME: {INVALID_MODEL_NAME}"


def test_error_names_a_taken_port(start_error):
    sentence, port = start_error(), os.environ["DIGITS_PORT"]
    assert sentence == f"digits cannot start: cannot listen on 127.0.0.1 port {port}: Address already in use"


def test_error_names_an_address_of_another_machine(start_error):
    sentence = start_error(host="192.0.2.1", port=8000)
    assert sentence.startswith("digits cannot start: cannot listen on 192.0.2.1 port 8000: ")


def test_error_names_an_unknown_host(start_error):
    sentence = start_error(host="nobody.invalid", port=8000)
    assert sentence.startswith("digits cannot start: cannot listen on nobody.invalid port 8000: ")


@pytest.mark.parametrize(
    "value", ["s3cret", "['s3cret']", '["s3cret", "two words"]', '["s3cret", ""]', '["s3cret", 1.5e3, []]']
)
def test_error_of_invalid_keys_contains_none_of_them(start_error, value):
    sentence = start_error(api_keys=value)
    assert sentence.startswith("digits cannot start: DIGITS_API_KEYS: ")
    assert "s3cret" not in sentence
    assert "two words" not in sentence


def test_error_names_a_file_of_keys_that_has_none(start_error, tmp_path):
    (tmp_path / "keys").touch()
    sentence = start_error(api_keys_file=tmp_path / "keys")
    assert sentence == f"digits cannot start: DIGITS_API_KEYS_FILE: {tmp_path / 'keys'} has no keys"


def test_metrics_cannot_need_a_key_if_there_is_none(start_error):
    sentence = start_error(metrics_needs_key="true")
    assert sentence == ("digits cannot start: DIGITS_METRICS_NEEDS_KEY: needs DIGITS_API_KEYS or DIGITS_API_KEYS_FILE")


def test_certificate_and_key_are_set_together(start_error, tmp_path):
    sentence = start_error(tls_cert=tmp_path / "certificate")
    assert sentence == "digits cannot start: DIGITS_TLS_KEY: must be set together with DIGITS_TLS_CERT"


def test_error_names_a_missing_certificate(start_error, tmp_path):
    sentence = start_error(tls_cert=tmp_path / "certificate", tls_key=tmp_path / "key")
    assert sentence.startswith(f"digits cannot start: DIGITS_TLS_CERT: {tmp_path / 'certificate'} cannot be read: ")
