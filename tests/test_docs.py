"""The examples, commands, figures, tables and links of the documentation are correct."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys

import pytest

from benchmarks import pictures
from benchmarks import training as training_benchmark
from benchmarks.serving import __main__ as serving
from benchmarks.serving import report
from model import NORMALISATION_STEPS
from tests.conftest import ROOT
from tests.e2e.server import is_ready, poll_until, running, service_environment

DOCUMENTED_ADDRESS = "127.0.0.1:8000"
CODE_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)

# Command → the reason why it is not run as the curl commands are.
NOT_RUN = {
    "make test": "runs this test",
    "make check": "the gate runs it",
    "make setup": "creates the environment of this test",
    "make run": "has its own test below",
    "make gradients": "has its own test below",
    "make train": "takes a minute; tests/training trains shorter",
    "make cross-validate": "takes minutes; tests/training/test_crossval.py trains shorter",
    "make report": "tests/training/reporting/test_model_card.py writes the report",
    "make bench-quick": "is a benchmark; tests/test_benchmarks.py runs its parts",
    "make bench-training": "is a benchmark; a test below compares its table with its result",
    "make notebook": "takes two minutes; tests/training/test_notebook.py runs its parts",
    "docker compose up": "needs a container engine; tests/test_project.py checks its file",
    "docker compose --profile monitoring up": "needs a container engine; tests/deploy checks its files",
}


def code_blocks(document, language):
    """List the code blocks of a document in one language."""
    blocks = CODE_BLOCK.findall((ROOT / document).read_text())
    return [body for block_language, body in blocks if block_language == language]


def commands(document):
    """List every command that a document shows, with its documented output."""
    for block in code_blocks(document, "console"):
        text = block.removeprefix("$ ")
        if text.startswith("curl"):  # has several lines: the command ends where its quotes are closed
            lines = text.splitlines()
            end = next(n for n in range(1, len(lines) + 1) if has_closed_quotes("\n".join(lines[:n])))
            yield "\n".join(lines[:end]), "\n".join(lines[end:])
            continue
        for line in block.splitlines():
            if line.startswith("$ "):
                yield line.removeprefix("$ "), block.partition(line)[2].strip()


def has_closed_quotes(command):
    """Tell whether a shell command is complete."""
    try:
        shlex.split(command)
    except ValueError:
        return False
    return True


DOCUMENTS = [
    "README.md",
    *(f"docs/{name}.md" for name in ("api", "pictures", "operations", "benchmarks")),
    "CONTRIBUTING.md",
]
COMMANDS = [(document, *command) for document in DOCUMENTS for command in commands(document)]
CURLS = [(command, output) for _, command, output in COMMANDS if command.startswith("curl")]


@pytest.fixture(scope="module")
def server():
    with running() as server:
        yield server


def replace_address(example, server):
    """Replace the documented address in an example with the address of a server."""
    return example.replace(DOCUMENTED_ADDRESS, server.url.removeprefix("http://"))


def run_command(command, server):
    """Run a documented command against a server, and return its output."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", replace_address(command, server)],
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


@pytest.mark.parametrize(("command", "documented"), CURLS)
def test_curl_command_prints_the_documented_reply(server, command, documented):
    output = run_command(command, server)
    if "|" in command:
        assert output.strip() == documented.strip()
    else:
        assert replies_agree(json.loads(documented), json.loads(output))


@pytest.mark.parametrize("code", code_blocks("docs/api.md", "python"))
def test_python_example_of_the_api_runs(server, code):
    exec(compile(replace_address(code, server), "docs/api.md", "exec"), {})  # noqa: S102 - the code is the project's


def test_every_other_command_is_known_and_every_make_target_exists():
    other_commands = {command for _, command, _ in COMMANDS if not command.startswith("curl")}
    assert other_commands <= set(NOT_RUN)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    texts = [(ROOT / document).read_text() for document in DOCUMENTS]
    assert {target for text in texts for target in re.findall(r"`make ([a-z-]+)", text)} <= targets


def test_make_run_starts_a_service_that_becomes_ready():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    command = ["make", "--silent", "run", f"PORT={port}", f"PYTHON={sys.executable}"]
    with subprocess.Popen(
        command, cwd=ROOT, env=service_environment(drain_seconds=0), stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            assert b"started" in process.stderr.readline()
            poll_until(lambda: is_ready(f"http://127.0.0.1:{port}"))
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def test_gradients_command_prints_the_documented_output():
    (documented,) = [output for _, command, output in COMMANDS if command == "make gradients"]
    output = subprocess.run(
        [sys.executable, "-m", "training", "gradients"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    number = r"\d\.\de[+-]\d\d"  # a rounding error, which depends on the processor
    assert re.sub(number, "#", output).strip() == re.sub(number, "#", documented).strip()


def test_readme_has_the_accuracy_of_the_artefact(artefact):
    text = (ROOT / "README.md").read_text()
    assert f"reads {artefact.card.held_out.accuracy * 100:.2f} % of 594 images" in text


def test_drawing_of_the_readme_has_the_probability_of_the_documented_reply():
    reply = next(json.loads(output) for _, output in CURLS if output.startswith('{"digit":3'))
    probability = f"{max(reply['probabilities']):.6f}"
    assert f">{probability}</text>" in (ROOT / "docs" / "three.svg").read_text()
    assert f"of which that of 3 is {probability}]" in (ROOT / "README.md").read_text()


def test_readme_has_the_table_of_the_training_benchmark():
    result = json.loads((ROOT / "benchmarks" / "results" / "training.json").read_text())
    assert "\n".join(training_benchmark.table(result["results"])) in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("document", ["README.md", "docs/benchmarks.md"])
def test_quotations_of_the_serving_benchmark_agree_with_its_results(document):
    text = (ROOT / document).read_text()
    results = (json.loads(file.read_text()) for file in (serving.SERVING, serving.SCALING))
    quotations = report.quotations(*results)
    documented = re.findall(r"^<!-- (\w+) -->\n(.*?)^<!-- /\1 -->", text, re.MULTILINE | re.DOTALL)
    assert {"origin", "comparison"} <= {name for name, _ in documented} <= set(quotations)
    for name, quotation in documented:
        assert quotation.splitlines() == quotations[name]


def test_page_about_pictures_has_the_figures_of_the_benchmark():
    result, text = json.loads(pictures.RESULT.read_text()), (ROOT / "docs" / "pictures.md").read_text()
    assert "\n".join(pictures.table(result)) in text
    assert f"**{result['right'] * 100:.2f} %** right" in text
    assert ", ".join(f"{share * 100:.1f}" for share in result["right_by_digit"]) in text
    assert pictures.mistakes(result) in text
    assert f"as MNIST has its digits: {result['right_small'] * 100:.2f} % right" in text


def test_page_about_pictures_names_every_step_in_order():
    text = (ROOT / "docs" / "pictures.md").read_text()
    documented = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert documented == ["subtract_background", *(step.__name__ for step in NORMALISATION_STEPS)]


@pytest.mark.parametrize("document", [*DOCUMENTS, "docs/decisions.md", "CHANGELOG.md"])
def test_every_link_leads_to_a_file(document):
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#:]+)[#)]", path.read_text()):
        assert (path.parent / target).exists(), target
