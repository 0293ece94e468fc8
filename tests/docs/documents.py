"""The documents of the project: their text, code blocks, and the commands that they show."""

import re
import shlex

from tests.conftest import ROOT

CODE_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
DOCUMENTS = ["README.md", *PAGES, "CONTRIBUTING.md", "SECURITY.md"]
# The examples of this page call a service with these settings.
KEYED_PAGE = "docs/keys.md"
KEYED_SETTINGS = {"api_keys": '["example-key"]', "metrics_needs_key": True}
# The changelog also describes earlier releases, whose commands and figures may be different now.
WRAPPED_DOCUMENTS = [*DOCUMENTS, "CHANGELOG.md", "training/report/model_card.md"]


def with_address(example, server):
    """Replace the documented address in an example with the address of a server."""
    return example.replace("127.0.0.1:8000", server.url.removeprefix("http://"))


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


COMMANDS = [(document, *command) for document in DOCUMENTS for command in commands(document)]
CURLS = [entry for entry in COMMANDS if entry[1].startswith("curl")]
# KServe's client is not in the environment of the tests; tests/docs/test_keys.py runs its example.
PYTHON_EXAMPLES = [
    (page, code) for page in PAGES for code in code_blocks(page, "python") if "from kserve import" not in code
]
