"""The document of private behaviour and the tests of it agree."""

import ast
import re
from pathlib import Path

from tests.conftest import ROOT


def test_the_document_names_every_test_of_private_behaviour_and_no_other():
    paths = [path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)]
    nodes = [node for path in paths for node in ast.parse(path.read_text()).body]
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}
    document = (ROOT / "docs" / "dependencies.md").read_text()
    assert set(re.findall(r"`(test_[a-z0-9_]+)`", document)) == defined


def test_the_document_names_modules_that_exist():
    document = (ROOT / "docs" / "dependencies.md").read_text()
    modules = set(re.findall(r"`(app/[a-z_/]+\.py)`", document))
    assert len(modules) > 10
    assert all((ROOT / module).exists() for module in modules)
