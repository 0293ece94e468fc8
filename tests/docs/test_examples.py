"""The examples of the documentation run, and print what they are documented to print."""

import json
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from benchmarks.capacity import __main__ as capacity
from benchmarks.capacity import report
from tests.conftest import ROOT
from tests.docs.documents import COMMANDS, CURLS, DOCUMENTS, KEYED_PAGE, KEYED_SETTINGS, PYTHON_EXAMPLES, with_address
from tests.e2e.server import is_ready, poll_until, running, service_environment
from training import command_line

# Command → the reason why it is not run as the curl commands are.
NOT_RUN = {
    "make test": "runs this test",
    "make check": "the gate runs it",
    "make test-fast": "runs a part of the tests",
    "make test-clients": "runs the tests that drive other programs",
    "make fix": "changes the code",
    "make setup": "creates the environment of this test",
    "make run": "has its own test below",
    "make gradients": "has its own test below",
    "make train": "takes two minutes; tests/training trains shorter",
    "make cross-validate": "takes minutes; tests/training/test_crossval.py trains shorter",
    "make report": "tests/training/reporting/test_model_card.py writes the report",
    "make check-release": "takes two minutes; trains the released network again",
    "make bench": "takes ten minutes; tests/test_benchmarks.py runs its parts",
    "make bench-quick": "is a benchmark; tests/test_benchmarks.py runs its parts",
    f"{report.PLAN} {report.EXAMPLE}": "has its own test below",
    "make faults": "takes eleven minutes; tests/test_fault_*.py run its parts",
    "make soak": "takes ten minutes; tests/test_soak_*.py run its parts",
    "make fuzz": "takes 40 minutes; tests/fuzzing/test_corpus.py repeats a part of its inputs",
    "make bench-training": "is a benchmark; tests/docs/test_figures.py compares its table with its result",
    "make notebook": "takes two minutes; tests/training/test_notebook.py runs its parts",
    "docker compose up": "needs a container engine; tests/test_project.py checks its file",
    "docker compose --profile monitoring up": "needs a container engine; tests/deploy checks its files",
}


@pytest.fixture(scope="module")
def open_server():
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def keyed_server():
    with running(**KEYED_SETTINGS) as server:
        yield server


@pytest.fixture
def server(request, page):
    """The service that the examples of a page call."""
    return request.getfixturevalue("keyed_server" if page == KEYED_PAGE else "open_server")


def run_command(command, server):
    """Run a documented command against a server, and return its output."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", with_address(command, server)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout


def replies_agree(documented, actual):
    """Compare two JSON values; the last digits of a probability depend on the processor."""
    if isinstance(documented, dict):
        keys_agree = documented.keys() == actual.keys()
        return keys_agree and all(replies_agree(documented[key], actual[key]) for key in documented)
    if isinstance(documented, list):
        return len(documented) == len(actual) and all(map(replies_agree, documented, actual))
    if isinstance(documented, float):
        return actual == pytest.approx(documented, rel=1e-3, abs=1e-7)
    return documented == actual


@pytest.mark.e2e
@pytest.mark.parametrize(("page", "command", "documented"), CURLS)
@pytest.mark.usefixtures("page")
def test_curl_command_prints_the_documented_reply(server, command, documented):
    output = run_command(command, server)
    if "|" in command:
        assert output.strip() == documented.strip()
    else:
        assert replies_agree(json.loads(documented), json.loads(output))


@pytest.mark.e2e
@pytest.mark.parametrize(("page", "code"), PYTHON_EXAMPLES)
def test_python_example_runs(server, page, code):
    exec(compile(with_address(code, server), page, "exec"), {})  # noqa: S102 - the code is the project's


def test_every_other_command_is_known_and_every_make_target_exists():
    other_commands = {command for _, command, _ in COMMANDS if not command.startswith("curl")}
    assert other_commands <= set(NOT_RUN)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    texts = [(ROOT / document).read_text() for document in DOCUMENTS]
    assert {target for text in texts for target in re.findall(r"`make ([a-z-]+)", text)} <= targets


@pytest.mark.e2e
def test_make_run_starts_a_service_that_becomes_ready():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    command = ["make", "--silent", "run", f"PORT={port}", f"PYTHON={sys.executable}"]
    with subprocess.Popen(
        command, cwd=ROOT, env=service_environment(drain_seconds=0), stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            assert process.stderr is not None  # it is a pipe
            assert b"started" in process.stderr.readline()
            poll_until(lambda: is_ready(f"http://127.0.0.1:{port}"))
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def test_gradients_command_prints_the_documented_output(capsys):
    (documented,) = [output for _, command, output in COMMANDS if command == "make gradients"]
    assert command_line.main(["gradients"]) == 0
    output = capsys.readouterr().out
    number = r"\d\.\de[+-]\d\d"  # a rounding error, which depends on the processor
    assert re.sub(number, "#", output).strip() == re.sub(number, "#", documented).strip()


def test_capacity_command_prints_the_documented_output(capsys):
    (documented,) = [output for _, command, output in COMMANDS if command == f"{report.PLAN} {report.EXAMPLE}"]
    capacity.main(report.EXAMPLE.split())
    assert capsys.readouterr().out.strip() == documented
