"""The version of the project, and the bounds of its dependencies."""

import tomllib

from app.main import VERSION
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_version_of_service_project_and_changelog_is_the_same():
    assert PROJECT["project"]["version"] == VERSION
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"## {VERSION}" in changelog


def test_every_dependency_has_a_lower_and_an_upper_bound():
    groups = [PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"].values()]
    for requirement in (requirement for group in groups for requirement in group):
        version = requirement.partition(";")[0]
        assert "==" in version or (">=" in version and ",<" in version), requirement
