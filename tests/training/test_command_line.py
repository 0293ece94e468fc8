"""The commands of `python -m training`, each run in a process of its own."""

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
    """Read from a terminal until a text appears."""
    output, deadline = "", time.monotonic() + timeout_seconds
    while text not in output:
        ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"no {text!r} in {output!r}"
        output += os.read(terminal, 4096).decode()
    return output


@pytest.fixture
def terminal():
    """A terminal of 24 lines and 100 columns: the end that the test reads, and the end of the process."""
    test_end, process_end = pty.openpty()
    fcntl.ioctl(process_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    yield test_end, process_end
    os.close(test_end)
    os.close(process_end)


def test_train_shows_its_progress_and_keeps_the_old_file_after_ctrl_c(tmp_path, terminal):
    test_end, process_end = terminal
    file = tmp_path / "digits.npz"
    file.write_bytes(b"old")
    command = [*TRAINING, "train", "--epochs", "100000", "--out", str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=process_end, stderr=process_end) as process:
        read_until(test_end, "loss=")
        read_until(test_end, "rate=")
        process.send_signal(signal.SIGINT)
        read_until(test_end, "stopped")
        assert process.wait(timeout=10) == 130
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_evaluate_prints_the_metrics_of_the_card(artefact):
    result, held_out = run("evaluate"), artefact.card.held_out
    assert result.returncode == 0
    assert f"| accuracy | {held_out.accuracy:.2%} |" in result.stdout
    assert f"| log-loss | {held_out.log_loss:.4f} |" in result.stdout
    assert f"| calibration error | {held_out.calibration_error:.4f} |" in result.stdout


def test_evaluate_scores_the_rows_of_a_csv_file(tmp_path, artefact, split):
    file = tmp_path / "mine.csv"
    rows = split.held_out.take(np.arange(100))
    np.savetxt(file, np.column_stack([rows.pixels, rows.labels]), fmt="%d", delimiter=",")
    result = run("evaluate", "model/digits.npz", "--data", str(file))
    assert result.returncode == 0
    assert "| on 100 images |" in result.stdout
    assert f"| accuracy | {evaluate(artefact.network, rows).accuracy:.2%} |" in result.stdout


def test_evaluate_explains_a_bad_csv_file_in_one_sentence(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("1,2,3\n")
    result = run("evaluate", "--data", str(file))
    assert result.returncode == 1
    assert result.stderr == f"{file}, line 1: must have 64 pixels and a label, separated by commas\n"


def test_evaluate_explains_a_missing_file_of_weights_in_one_sentence(tmp_path):
    result = run("evaluate", str(tmp_path / "none.npz"))
    assert result.returncode == 1
    assert result.stderr == f"{tmp_path}/none.npz cannot be read: No such file or directory\n"


def test_cross_validate_prints_every_fold_and_writes_the_predictions(tmp_path):
    file = tmp_path / "folds.npz"
    result = run("cross-validate", "--epochs", "1", "--folds", "2", "--out", str(file))
    assert result.returncode == 0, result.stderr
    assert re.findall(r"^fold (\d):", result.stdout, re.MULTILINE) == ["1", "2"]
    assert "on 1203 rows" in result.stdout
    assert len(crossval.load(file).curves) == 2


def test_report_writes_the_model_card_into_a_new_folder(tmp_path):
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
def test_a_number_out_of_bounds_is_rejected_and_the_error_names_the_bound(arguments):
    result = run(*arguments)
    assert result.returncode == 2
    assert f"{arguments[1]}: must be a whole number, at least" in result.stderr


@pytest.mark.parametrize("command", ["train", "cross-validate"])
def test_a_missing_output_folder_is_rejected_in_one_sentence_before_the_training(command, tmp_path):
    result = run(command, "--out", str(tmp_path / "none" / "file.npz"))
    assert result.returncode == 1
    assert result.stderr == f"{tmp_path}/none is not a folder to write to\n"


def test_report_rejects_a_cross_validation_of_another_recipe(tmp_path):
    file = tmp_path / "short.npz"
    run("train", "--epochs", "1", "--out", str(file))
    result = run("report", str(file), "--out", str(tmp_path / "report"))
    assert result.returncode == 1
    assert f"is not a cross-validation over 7 folds of the recipe of {file}" in result.stderr
    assert not (tmp_path / "report").exists()


def test_gradients_finds_our_gradient_right_and_the_notebook_gradient_wrong():
    result = run("gradients")
    assert result.returncode == 0
    assert result.stdout.endswith("ours is right\nthe notebook's is wrong\n")


def test_help_lists_every_command():
    text = run("--help").stdout
    for command in ("train", "evaluate", "report", "cross-validate", "check-release", "gradients", "notebook"):
        assert command in text
