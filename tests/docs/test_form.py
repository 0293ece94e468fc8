"""The links of the documentation lead somewhere, and its lines and the README are short."""

import re
from collections import Counter

import pytest

from tests.conftest import ROOT
from tests.docs.documents import CODE_BLOCK, PAGES, WRAPPED_DOCUMENTS

HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
PROSE_LENGTH = 100  # characters in a line
README_LENGTH = 110  # lines


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
