"""The examples, commands, figures, tables and links of the documentation are correct."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections import Counter

import pytest

from benchmarks import pictures
from benchmarks import training as training_benchmark
from benchmarks.serving import __main__ as serving
from benchmarks.serving import report
from model import NORMALISATION_STEPS
from tests.conftest import ROOT
from tests.e2e.server import is_ready, poll_until, running, service_environment
from training import command_line, crossval
from training.evaluate import score

DOCUMENTED_ADDRESS = "127.0.0.1:8000"
CODE_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
PROSE_LENGTH = 100  # characters in a line
README_LENGTH = 110  # lines

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
    "make train": "takes a minute; tests/training trains shorter",
    "make cross-validate": "takes minutes; tests/training/test_crossval.py trains shorter",
    "make report": "tests/training/reporting/test_model_card.py writes the report",
    "make check-release": "takes a minute; trains the released network again",
    "make bench": "takes ten minutes; tests/test_benchmarks.py runs its parts",
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


def prose(document):
    """Return the text of a document with single spaces instead of line breaks."""
    return " ".join((ROOT / document).read_text().split())


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


PAGES = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
DOCUMENTS = ["README.md", *PAGES, "CONTRIBUTING.md", "SECURITY.md"]
# The changelog also describes earlier releases, whose commands and figures may be different now.
WRAPPED_DOCUMENTS = [*DOCUMENTS, "CHANGELOG.md", "training/report/model_card.md"]
COMMANDS = [(document, *command) for document in DOCUMENTS for command in commands(document)]
CURLS = [(command, output) for _, command, output in COMMANDS if command.startswith("curl")]
PYTHON_EXAMPLES = [(page, code) for page in PAGES for code in code_blocks(page, "python")]


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


@pytest.mark.e2e
@pytest.mark.parametrize(("command", "documented"), CURLS)
def test_curl_command_prints_the_documented_reply(server, command, documented):
    output = run_command(command, server)
    if "|" in command:
        assert output.strip() == documented.strip()
    else:
        assert replies_agree(json.loads(documented), json.loads(output))


@pytest.mark.e2e
@pytest.mark.parametrize(("page", "code"), PYTHON_EXAMPLES)
def test_python_example_runs(server, page, code):
    exec(compile(replace_address(code, server), page, "exec"), {})  # noqa: S102 - the code is the project's


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


def test_readme_and_page_about_training_have_the_accuracy_of_the_artefact(artefact):
    accuracy = f"{artefact.card.held_out.accuracy * 100:.2f} %"
    assert f"classifies {accuracy} of 594 held-out images correctly" in prose("README.md")
    assert f"classifies {accuracy} of the 594 held-out images correctly" in prose("docs/training.md")


def test_page_about_training_has_the_metrics_of_the_artefact_and_of_the_cross_validation(artefact):
    predictions = crossval.load(ROOT / "training" / "report" / "cross_validation.npz")
    temperature = artefact.card.hyperparameters["temperature"]
    out_of_fold = score(predictions.labels, predictions.probabilities(temperature))
    text = (ROOT / "docs" / "training.md").read_text()
    for metrics in (artefact.card.held_out, out_of_fold):
        assert f"| {metrics.rows} | {metrics.accuracy * 100:.2f} % | {metrics.log_loss:.4f} |" in text
    misclassified = round((1 - out_of_fold.accuracy) * out_of_fold.rows)
    assert f"misclassifies {misclassified} of the {out_of_fold.rows} images" in prose("docs/training.md")


def test_drawing_of_the_network_has_the_probability_of_the_documented_reply():
    reply = next(json.loads(output) for _, output in CURLS if output.startswith('{"digit":3'))
    probability = f"{max(reply['probabilities']):.6f}"
    assert f">{probability}</text>" in (ROOT / "docs" / "three.svg").read_text()
    assert f"of which that of 3 is {probability}](three.svg)" in (ROOT / "docs" / "architecture.md").read_text()


def test_page_about_training_has_the_table_of_the_training_benchmark():
    result = json.loads((ROOT / "benchmarks" / "results" / "training.json").read_text())
    assert "\n".join(training_benchmark.table(result["results"])) in (ROOT / "docs" / "training.md").read_text()


def quotations_of_the_results():
    """Write the passages that documents quote from the committed results of the serving benchmark."""
    return report.quotations(*(json.loads(file.read_text()) for file in (serving.SERVING, serving.SCALING)))


def test_quotations_of_the_serving_benchmark_agree_with_its_results():
    quotations = quotations_of_the_results()
    marked = r"^<!-- (\w+) -->\n(.*?)^<!-- /\1 -->"
    readme, page = (re.findall(marked, path.read_text(), re.MULTILINE | re.DOTALL) for path in serving.DOCUMENTS)
    assert [name for name, _ in readme] == ["origin", "costs"]
    assert {name for name, _ in page} == set(quotations) - {"costs"}
    for name, quotation in (*readme, *page):
        assert quotation.splitlines() == quotations[name]


def test_page_about_benchmarks_starts_with_figures_of_the_tables():
    quotations = quotations_of_the_results()
    (ours,) = [line.split(" | ") for line in quotations["costs"] if line.startswith("| **Digits**")]
    (batch,) = [line.strip("| ").split(" | ") for line in quotations["sizes"] if line.startswith("| 1024 ")]
    answer = prose("docs/benchmarks.md").partition("##")[0]
    ratio = ours[2].removesuffix("×")
    assert f"costs Digits {ours[1]} µs of CPU. That is {ratio} times the cost of a bare ASGI echo" in answer
    assert f"costs {float(batch[2]):.1f} µs as JSON and {float(batch[4]):.1f} µs as bytes" in answer


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


@pytest.mark.parametrize("document", WRAPPED_DOCUMENTS)
def test_every_link_leads_to_a_file_and_to_a_heading(document):
    path = ROOT / document
    for target in LINK.findall(CODE_BLOCK.sub("", path.read_text())):
        if ":" not in target:
            name, _, anchor = target.partition("#")
            file = path.parent / name if name else path
            assert file.exists(), target
            assert not anchor or anchor in anchors(file.read_text()), target


def anchors(text):
    """Yield the anchors that GitHub gives to the headings of a document.

    An anchor is the heading in lower case, without punctuation, with hyphens for spaces. Equal anchors are numbered.
    """
    counts: Counter[str] = Counter()
    for heading in HEADING.findall(CODE_BLOCK.sub("", text)):
        visible = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)  # without the target of a link
        anchor = re.sub(r"[^\w -]", "", visible.lower()).replace(" ", "-")
        yield f"{anchor}-{counts[anchor]}" if counts[anchor] else anchor
        counts[anchor] += 1


def test_anchors_have_no_punctuation_and_equal_anchors_are_numbered():
    text = "# GET /v2: `a_b` and [c](d.md)\n## GET /\n```yaml\n# no heading\n```\n## Limits\n## Limits\n"
    assert [*anchors(text)] == ["get-v2-a_b-and-c", "get-", "limits", "limits-1"]


def test_every_page_is_linked_from_the_readme():
    targets = {target.partition("#")[0] for target in LINK.findall((ROOT / "README.md").read_text())}
    assert {*PAGES, "CONTRIBUTING.md", "SECURITY.md", "LICENSE"} <= targets


def test_readme_has_at_most_110_lines():
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LENGTH


@pytest.mark.parametrize("document", WRAPPED_DOCUMENTS)
def test_prose_wraps_at_100_characters(document):
    lines = CODE_BLOCK.sub("", (ROOT / document).read_text()).splitlines()
    assert not [line for line in lines if len(line) > PROSE_LENGTH and not may_be_long(line)]


def may_be_long(line):
    """Tell whether a line is a row of a table, a comment, or nothing but one image or link."""
    is_one_link = re.fullmatch(r"\s*([-*] )?!?\[[^]]*\]\([^)]*\)[.,:]?", line) is not None
    return line.startswith(("|", "<!--")) or is_one_link
