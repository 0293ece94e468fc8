"""The command line of the service: a start that fails, and the help."""

import subprocess

import pytest

from tests.conftest import ROOT
from tests.e2e.server import COMMAND, service_environment

pytestmark = pytest.mark.e2e


def test_damaged_artefact_ends_the_process_with_one_sentence_and_the_status_1_before_workers_start(tmp_path):
    weights = tmp_path / "bad.npz"
    weights.write_bytes((ROOT / "model" / "digits.npz").read_bytes()[:-100])
    command, environment = [*COMMAND, "--workers", "2"], service_environment(port=0, weights=weights)
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"digits cannot start: {weights} is not a readable .npz archive\n"


def test_help_names_flags_and_settings():
    result = subprocess.run([*COMMAND, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    flags = ("--host VALUE ", "--port VALUE ", "--root-path VALUE,", "--model-name VALUE, --model_name VALUE\n")
    for flag in (*flags, "DIGITS_WEIGHTS", "DIGITS_DRAIN_SECONDS"):
        assert flag in result.stdout
