"""The commands, run as a person runs them."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import numpy as np
import pytest

from tests.conftest import ROOT
from training import crossval
from training.evaluate import evaluate

TRAINING = [sys.executable, "-m", "training"]


def run(*arguments):
    return subprocess.run([*TRAINING, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def read_until(terminal, text, timeout_seconds=60):
    seen, end = "", time.monotonic() + timeout_seconds
    while text not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0, end - time.monotonic()))
        assert ready, f"no {text!r} in {seen!r}"
        seen += os.read(terminal, 4096).decode()
    return seen


@pytest.fixture
def terminal():
    """A terminal of 24 rows and 100 columns: our end, and the end of whoever writes to it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def test_training_shows_its_progress_and_ctrl_c_leaves_the_old_file_whole(tmp_path, terminal):
    ours, theirs = terminal
    file = tmp_path / "digits.npz"
    file.write_bytes(b"old")
    command = [*TRAINING, "train", "--epochs", "100000", "--out", str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=theirs, stderr=theirs) as process:
        read_until(ours, "loss=")
        read_until(ours, "rate=")
        process.send_signal(signal.SIGINT)
        read_until(ours, "stopped")
        assert process.wait(timeout=10) == 130
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_evaluate_repeats_the_figures_of_the_card(artefact):
    result, held_out = run("evaluate"), artefact.card.held_out
    assert result.returncode == 0
    assert f"| accuracy | {held_out.accuracy:.2%} |" in result.stdout
    assert f"| log-loss | {held_out.log_loss:.4f} |" in result.stdout
    assert f"| calibration error | {held_out.calibration_error:.4f} |" in result.stdout


def test_evaluate_scores_a_file_of_ones_own(tmp_path, artefact, split):
    file = tmp_path / "mine.csv"
    few = split.held_out.take(np.arange(100))
    np.savetxt(file, np.column_stack([few.pixels, few.labels]), fmt="%d", delimiter=",")
    result = run("evaluate", "model/digits.npz", "--data", str(file))
    assert result.returncode == 0
    assert "| on 100 images |" in result.stdout
    assert f"| accuracy | {evaluate(artefact.network, few).accuracy:.2%} |" in result.stdout


def test_evaluate_says_in_a_sentence_what_is_wrong_with_the_data(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("1,2,3\n")
    result = run("evaluate", "--data", str(file))
    assert result.returncode == 1
    assert result.stderr == f"{file}, line 1: must have 64 pixels and a label, separated by commas\n"


def test_evaluate_says_in_a_sentence_what_is_wrong_with_a_file(tmp_path):
    result = run("evaluate", str(tmp_path / "none.npz"))
    assert result.returncode == 1
    assert result.stderr == f"{tmp_path}/none.npz cannot be read: No such file or directory\n"


def test_cross_validate_scores_every_fold_and_writes_what_report_reads(tmp_path):
    file = tmp_path / "folds.npz"
    result = run("cross-validate", "--epochs", "1", "--folds", "2", "--out", str(file))
    assert result.returncode == 0, result.stderr
    assert re.findall(r"^fold (\d):", result.stdout, re.MULTILINE) == ["1", "2"]
    assert "on 1203 rows" in result.stdout
    assert len(crossval.load(file).curves) == 2


def test_report_writes_the_page_into_a_folder(tmp_path):
    result = run("report", "--out", str(tmp_path / "report"))
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "report" / "model_card.md").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--epochs", "0"),
        ("train", "--seed", "-1"),
        ("cross-validate", "--folds", "1"),
        ("cross-validate", "--folds", "15"),
        ("cross-validate", "--epochs", "many"),
    ],
)
def test_a_number_out_of_bounds_is_refused_with_the_bound(arguments):
    result = run(*arguments)
    assert result.returncode == 2
    assert f"{arguments[1]}: must be a whole number, at least" in result.stderr


@pytest.mark.parametrize("command", ["train", "cross-validate"])
def test_a_folder_that_is_missing_is_one_sentence_before_the_training(command, tmp_path):
    result = run(command, "--out", str(tmp_path / "none" / "file.npz"))
    assert result.returncode == 1
    assert result.stderr == f"{tmp_path}/none is not a folder to write to\n"


def test_report_refuses_a_cross_validation_of_another_recipe(tmp_path):
    file = tmp_path / "short.npz"
    run("train", "--epochs", "1", "--out", str(file))
    result = run("report", str(file), "--out", str(tmp_path / "report"))
    assert result.returncode == 1
    assert f"is not a cross-validation over 7 folds of the recipe of {file}" in result.stderr
    assert not (tmp_path / "report").exists()


def test_gradients_acquits_ours_and_convicts_the_notebooks():
    result = run("gradients")
    assert result.returncode == 0
    assert result.stdout.endswith("ours is right\nthe notebook's is wrong\n")


def test_help_names_every_command():
    text = run("--help").stdout
    for command in (
        "train",
        "evaluate",
        "report",
        "cross-validate",
        "check-release",
        "gradients",
        "notebook",
    ):
        assert command in text
