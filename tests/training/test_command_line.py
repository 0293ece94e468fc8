"""The commands of `python -m training`."""

import contextlib
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
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from model import Network, save_artefact
from tests.conftest import ROOT
from tests.machine import skip_without_proc
from training import crossval
from training.command_line import VALIDATION_FILE, WEIGHTS_FILE, main
from training.commands import compare, find_differences
from training.evaluate import evaluate

TRAINING = [sys.executable, "-m", "training"]


class Result(NamedTuple):
    """Exit status and output of a command."""

    status: int | str | None
    stdout: str
    stderr: str


@pytest.fixture
def run(capsys):
    """Return a function that runs a command in this process."""

    def run_command(*arguments):
        try:
            status: int | str | None = main(list(map(str, arguments)))
        except SystemExit as end:  # argparse ends the process after a wrong argument
            status = end.code
        return Result(status, *capsys.readouterr())

    return run_command


def read_until(terminal, pattern, timeout_seconds=60):
    """Read from a terminal until a text matches a pattern."""
    output, deadline = "", time.monotonic() + timeout_seconds
    while not re.search(pattern, output):
        ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"no {pattern!r} in {output!r}"
        output += os.read(terminal, 4096).decode(errors="replace")
    return output


@pytest.fixture
def terminal():
    """A terminal of 24 lines and 100 columns: the end that the test reads, and the end of the process."""
    test_end, process_end = pty.openpty()
    fcntl.ioctl(process_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    yield test_end, process_end
    os.close(test_end)
    os.close(process_end)


@pytest.fixture
def start_training(tmp_path, terminal):
    """Return a function that starts `train` on a terminal, in a session of its own."""
    processes = []

    def start(*options):
        command = [*TRAINING, "train", *options, "--out", str(tmp_path / "digits.npz")]
        output = terminal[1]
        processes.append(subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, start_new_session=True))
        return processes[0]

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the processes that generate digits too
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "progress"),
    [
        (("--digits", "1000000"), [r"handwriting, seed 0:", r"\d+digit/s"]),
        (("--digits", "20", "--epochs", "100000"), [r"loss=", r"rate="]),
    ],
    ids=["generating digits", "training"],
)
def test_train_shows_its_progress_and_keeps_the_old_file_after_ctrl_c(
    tmp_path, terminal, start_training, options, progress
):
    file = tmp_path / "digits.npz"
    file.write_bytes(b"old")
    process = start_training(*options)
    for pattern in progress:
        read_until(terminal[0], pattern)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: it sends Ctrl-C to all processes of the foreground
    output = read_until(terminal[0], "stopped")
    assert process.wait(timeout=10) == 130
    assert "Traceback" not in output
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.slow
@skip_without_proc()
def test_train_ends_with_an_error_if_a_process_that_generates_digits_is_killed(tmp_path, terminal, start_training):
    process = start_training("--digits", "1000000")
    read_until(terminal[0], r"\d+digit/s")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    generating, *_ = (child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes())
    os.kill(int(generating), signal.SIGKILL)
    output = read_until(terminal[0], "terminated abruptly")
    assert process.wait(timeout=10) == 1
    assert "Traceback" not in output
    assert not list(tmp_path.iterdir())


def test_evaluate_prints_the_metrics_of_the_card(run, artefact):
    result, held_out = run("evaluate"), artefact.card.held_out
    assert result.status == 0
    assert f"| accuracy | {held_out.accuracy:.2%} |" in result.stdout
    assert f"| log-loss | {held_out.log_loss:.4f} |" in result.stdout
    assert f"| calibration error | {held_out.calibration_error:.4f} |" in result.stdout


def test_evaluate_scores_the_rows_of_a_csv_file(run, tmp_path, artefact, split):
    file = tmp_path / "mine.csv"
    rows = split.held_out.take(np.arange(100))
    np.savetxt(file, np.column_stack([rows.pixels, rows.labels]), fmt="%d", delimiter=",")
    result = run("evaluate", WEIGHTS_FILE, "--data", file)
    assert result.status == 0
    assert "| on 100 images |" in result.stdout
    assert f"| accuracy | {evaluate(artefact.network, rows).accuracy:.2%} |" in result.stdout


def test_evaluate_explains_a_bad_csv_file_in_one_sentence(run, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("1,2,3\n")
    result = run("evaluate", "--data", file)
    assert result.status == 1
    assert result.stderr == f"{file}, line 1: must have 64 pixels and a label, separated by commas\n"


def test_evaluate_explains_a_missing_file_of_weights_in_one_sentence(run, tmp_path):
    result = run("evaluate", tmp_path / "none.npz")
    assert result.status == 1
    assert result.stderr == f"{tmp_path}/none.npz cannot be read: No such file or directory\n"


def test_cross_validate_prints_every_fold_and_writes_the_predictions(run, tmp_path):
    file = tmp_path / "folds.npz"
    result = run("cross-validate", "--epochs", "1", "--digits", "20", "--folds", "2", "--out", file)
    assert result.status == 0, result.stderr
    assert re.findall(r"^fold (\d):", result.stdout, re.MULTILINE) == ["1", "2"]
    assert "on 1203 rows" in result.stdout
    assert len(crossval.load(file).curves) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--epochs", "0"),
        ("train", "--seed", "-1"),
        ("train", "--digits", "0"),
        ("cross-validate", "--folds", "1"),
        ("cross-validate", "--folds", "15"),
        ("cross-validate", "--epochs", "many"),
    ],
)
def test_a_number_out_of_bounds_is_rejected_and_the_error_names_the_bound(run, arguments):
    result = run(*arguments)
    assert result.status == 2
    assert f"{arguments[1]}: must be a whole number, at least" in result.stderr


@pytest.mark.parametrize("command", ["train", "cross-validate"])
def test_a_missing_output_folder_is_rejected_in_one_sentence_before_the_training(run, command, tmp_path):
    result = run(command, "--out", tmp_path / "none" / "file.npz")
    assert result.status == 1
    assert result.stderr == f"{tmp_path}/none is not a folder to write to\n"


def test_report_rejects_a_cross_validation_of_another_recipe(run, tmp_path):
    file = tmp_path / "short.npz"
    run("train", "--epochs", "1", "--digits", "20", "--out", file)
    result = run("report", file, "--out", tmp_path / "report")
    assert result.status == 1
    assert f"is not a cross-validation over 7 folds of the recipe of {file}" in result.stderr
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize("is_older", [False, True], ids=["another version", "no synthetic digits"])
def test_report_rejects_weights_of_another_version_of_the_generator(run, tmp_path, artefact, is_older):
    file, hyperparameters = tmp_path / "other.npz", dict(artefact.card.hyperparameters)
    synthetic = hyperparameters.pop("synthetic")
    if not is_older:
        hyperparameters["synthetic"] = {**synthetic, "version": 0}
    save_artefact(file, artefact.network.weights, replace(artefact.card, hyperparameters=dict(hyperparameters)))
    validation = tmp_path / "folds.npz"
    del hyperparameters["temperature"]
    crossval.save(replace(crossval.load(VALIDATION_FILE), hyperparameters=hyperparameters), validation)
    result = run("report", file, "--validation", validation, "--out", tmp_path / "report")
    assert result.status == 1
    assert result.stderr == f"{file} was not trained with version 1 of the generator of synthetic digits\n"


def test_help_lists_every_command(run):
    text = run("--help").stdout
    for name in ("train", "evaluate", "report", "cross-validate", "check-release", "gradients", "notebook"):
        assert name in text


def test_check_release_trains_the_weights_of_a_file_again(run, tmp_path):
    file = tmp_path / "digits.npz"
    run("train", "--epochs", "1", "--digits", "20", "--out", file)
    result = run("check-release", file, "--epochs", "1", "--digits", "20")
    assert result.status == 0
    assert "accuracy" in result.stdout


def test_all_arrays_and_the_card_of_a_release_must_be_the_same(artefact, capsys):
    weights, card = artefact.network.weights, replace(artefact.card, version="1")
    other_weights = weights._replace(b3=np.nextafter(weights.b3, np.float32(1)))
    other = replace(artefact, network=Network(other_weights), card=card)
    assert compare(artefact, artefact, obstacle=None) == 0
    assert capsys.readouterr().out == "the same arrays and the same card\n"
    assert compare(other, artefact, obstacle=None) == 1
    assert capsys.readouterr().out == "different: b3, version\n"


@pytest.mark.parametrize(("misclassified", "status"), [(0, 0), (2, 0), (4, 1)])
def test_only_the_accuracy_of_a_release_must_agree_if_the_weights_may_differ(artefact, capsys, misclassified, status):
    confusion = [list(row) for row in artefact.card.held_out.confusion]
    confusion[0][0] -= misclassified
    confusion[0][1] += misclassified
    rows, held_out = artefact.card.held_out.rows, artefact.card.held_out
    accuracy = (held_out.correct - misclassified) / rows
    changed = replace(held_out, confusion=tuple(map(tuple, confusion)), accuracy=accuracy)
    other = replace(artefact, card=replace(artefact.card, held_out=changed, environment={}))
    assert compare(other, artefact, obstacle="the processor has no AVX2") == status
    assert "not compared, because the processor has no AVX2" in capsys.readouterr().out


def test_find_differences_names_arrays_and_fields_of_the_card_but_not_the_libraries(artefact):
    weights = artefact.network.weights
    other_weights = weights._replace(b2=np.nextafter(weights.b2, np.float32(1)))
    other_card = replace(artefact.card, seed=1, libraries={"python": "4"})
    other = replace(artefact, network=Network(other_weights), card=other_card)
    assert list(find_differences(artefact, artefact)) == []
    assert list(find_differences(artefact, replace(artefact, card=replace(artefact.card, libraries={})))) == []
    assert list(find_differences(artefact, other)) == ["b2", "seed"]
