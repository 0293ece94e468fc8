"""What the documents show is what happens."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys

import pytest

from benchmarks import pictures
from benchmarks import training as benchmark
from benchmarks.serving import __main__ as serving
from benchmarks.serving import report
from model import NORMALISATION_STEPS
from tests.conftest import ROOT
from tests.e2e.server import environment, eventually, is_ready, running

ADDRESS = "127.0.0.1:8000"
EXAMPLE = re.compile(r"^```(console|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)

# Commands that a test cannot run here, and why.
ELSEWHERE = {
    "make test": "is this",
    "make check": "the gate runs it",
    "make setup": "this environment is its work",
    "make run": "has a test of its own",
    "make gradients": "has a test of its own",
    "make train": "takes a minute; tests/training trains shorter",
    "make cross-validate": "takes minutes; tests/training/test_crossval.py trains shorter",
    "make report": "tests/training/reporting/test_model_card.py writes it",
    "make bench-quick": "is a benchmark; tests/test_benchmarks.py runs its parts",
    "make bench-training": "is a benchmark; its table is held against its result below",
    "make notebook": "takes two minutes; tests/training/test_notebook.py runs its parts",
    "docker compose up": "needs an engine; tests/test_project.py reads its file",
    "docker compose --profile monitoring up": "the same; tests/deploy/test_monitoring.py reads its files",
}


def blocks(name, kind):
    """The examples of a document, as text."""
    return [body for found, body in EXAMPLE.findall((ROOT / name).read_text()) if found == kind]


def commands(name):
    """Every command that a document shows, with the output that it shows."""
    for body in blocks(name, "console"):
        text = body.removeprefix("$ ")
        end = len(text)
        if text.startswith("curl"):  # the command ends where its quotes and pipes do
            lines = text.splitlines()
            end = next(n for n in range(1, len(lines) + 1) if is_whole("\n".join(lines[:n])))
            yield "\n".join(lines[:end]), "\n".join(lines[end:])
            continue
        for line in body.splitlines():
            if line.startswith("$ "):
                yield line.removeprefix("$ "), body.partition(line)[2].strip()


def is_whole(command):
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
SHOWN = [(name, *command) for name in DOCUMENTS for command in commands(name)]
CURLS = [(command, output) for _, command, output in SHOWN if command.startswith("curl")]


@pytest.fixture(scope="module")
def server():
    with running() as server:
        yield server


def at(example, server):
    """An example as it would be if the service that it speaks of were a server on another port."""
    return example.replace(ADDRESS, server.url.removeprefix("http://"))


def run(command, server):
    """Run a command of a document against a server on another port."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", at(command, server)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout


def same(shown, got):
    """Whether two replies agree; the last digits of a probability are the processor's."""
    if isinstance(shown, dict):
        return shown.keys() == got.keys() and all(same(shown[key], got[key]) for key in shown)
    if isinstance(shown, list):
        return len(shown) == len(got) and all(map(same, shown, got))
    if isinstance(shown, float):
        return got == pytest.approx(shown, rel=1e-3, abs=1e-7)
    return shown == got


@pytest.mark.parametrize(("command", "output"), CURLS)
def test_each_curl_gets_the_reply_that_is_shown(server, command, output):
    got = run(command, server)
    if "|" in command:
        assert got.strip() == output.strip()
    else:
        assert same(json.loads(output), json.loads(got))


@pytest.mark.parametrize("code", blocks("docs/api.md", "python"))
def test_each_python_example_of_the_api_works(server, code):
    exec(compile(at(code, server), "docs/api.md", "exec"), {})  # noqa: S102 - it is ours


def test_every_other_command_is_accounted_for():
    others = {command for _, command, _ in SHOWN if not command.startswith("curl")}
    assert others <= set(ELSEWHERE)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {target for name in DOCUMENTS for target in re.findall(r"`make ([a-z-]+)", (ROOT / name).read_text())}
    assert named <= targets


def test_make_run_serves_what_the_readme_asks_it():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["make", "--silent", "run", f"PORT={port}", f"PYTHON={sys.executable}"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(drain_seconds=0), stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            assert b"started" in process.stderr.readline()
            eventually(lambda: is_ready(f"http://127.0.0.1:{port}"))
        finally:
            os.killpg(process.pid, 15)


def test_make_gradients_prints_what_the_readme_shows():
    (shown,) = [output for name, command, output in SHOWN if command == "make gradients"]
    got = subprocess.run(
        [sys.executable, "-m", "training", "gradients"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    number = r"\d\.\de[+-]\d\d"  # a rounding error is the processor's
    assert re.sub(number, "#", got).strip() == re.sub(number, "#", shown).strip()


def test_the_readme_quotes_the_released_figures(artefact):
    text = (ROOT / "README.md").read_text()
    assert f"reads {artefact.card.held_out.accuracy * 100:.2f} % of 594 images" in text


def test_the_picture_shows_the_probability_that_the_reply_shows():
    reply = next(json.loads(output) for _, output in CURLS if output.startswith('{"digit":3'))
    shown = f"{max(reply['probabilities']):.6f}"
    assert f">{shown}</text>" in (ROOT / "docs" / "three.svg").read_text()
    assert f"of which that of 3 is {shown}]" in (ROOT / "README.md").read_text()


def test_the_readme_has_the_table_that_the_benchmark_wrote():
    result = json.loads((ROOT / "benchmarks" / "results" / "training.json").read_text())
    assert "\n".join(benchmark.table(result["results"])) in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", ["README.md", "docs/benchmarks.md"])
def test_what_the_documents_quote_of_the_service_is_what_its_benchmark_wrote(name):
    text = (ROOT / name).read_text()
    results = (json.loads(file.read_text()) for file in (serving.SERVING, serving.SCALING))
    places = report.quotations(*results)
    shown = re.findall(r"^<!-- (\w+) -->\n(.*?)^<!-- /\1 -->", text, re.MULTILINE | re.DOTALL)
    assert {"origin", "comparison"} <= {place for place, _ in shown} <= set(places)
    for place, quoted in shown:
        assert quoted.splitlines() == places[place]


def test_the_page_about_pictures_has_the_figures_that_the_benchmark_wrote():
    result, text = json.loads(pictures.RESULT.read_text()), (ROOT / "docs" / "pictures.md").read_text()
    assert "\n".join(pictures.table(result)) in text
    assert f"**{result['right'] * 100:.2f} %** right" in text
    assert ", ".join(f"{share * 100:.1f}" for share in result["right_by_digit"]) in text
    assert pictures.mistakes(result) in text
    assert f"as MNIST has its digits: {result['right_small'] * 100:.2f} % right" in text


def test_the_page_about_pictures_names_every_step_in_order():
    text = (ROOT / "docs" / "pictures.md").read_text()
    shown = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert shown == ["subtract_background", *(step.__name__ for step in NORMALISATION_STEPS)]


@pytest.mark.parametrize("name", [*DOCUMENTS, "docs/decisions.md", "CHANGELOG.md"])
def test_every_link_leads_to_a_file(name):
    document = ROOT / name
    for target in re.findall(r"\]\(([^)#:]+)[#)]", document.read_text()):
        assert (document.parent / target).exists(), target
