"""Lock files, versions, the container image and the Compose file are consistent."""

import re
import tomllib

import pytest
import yaml

from app.main import VERSION
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(lock):
    """List every pinned requirement of a lock file, with its environment marker."""
    text = (ROOT / "requirements" / lock).read_text()
    return set(re.findall(r"^([a-z0-9-]+==[^ ]+(?: ; [^\\]+)?) \\$", text, re.MULTILINE))


def test_development_lock_has_all_pins_of_the_serving_and_tracing_locks():
    assert len(pins("serve.txt")) > 10
    assert pins("serve.txt") <= pins("dev.txt")
    assert pins("tracing.txt") <= pins("dev.txt")


def test_serving_lock_has_no_package_for_training_tests_or_tracing():
    text = (ROOT / "requirements" / "serve.txt").read_text()
    for name in ("scikit-learn", "scipy", "matplotlib", "tqdm", "pytest", "httpx", "opentelemetry-sdk"):
        assert f"\n{name}==" not in text


@pytest.mark.parametrize("lock", ["serve.txt", "dev.txt", "tracing.txt"])
def test_every_pin_has_hashes_and_no_lock_names_an_index(lock):
    text = (ROOT / "requirements" / lock).read_text()
    requirements = re.findall(r"^[a-z0-9].*(?:\n {4}--hash=sha256:[0-9a-f]{64}.*)*", text, re.MULTILINE)
    assert len(requirements) == len(pins(lock))
    assert all("--hash=sha256:" in requirement for requirement in requirements)
    assert "://" not in text
    assert "--index" not in text
    assert "--extra-index" not in text


def test_version_of_service_project_and_changelog_is_the_same():
    assert PROJECT["project"]["version"] == VERSION
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"## {VERSION}" in changelog


def test_image_contains_only_model_app_and_their_requirements():
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    assert copied == ["requirements/serve.txt requirements/tracing.txt", "model/", "app/"]
    assert "ARG EXTRA=\n" in dockerfile  # no further requirements by default
    assert "--require-hashes" in dockerfile


def test_compose_service_has_no_privileges_and_no_writable_files():
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["digits"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["ports"] == ["8000:8000"]


def test_every_dependency_has_a_lower_and_an_upper_bound():
    groups = [PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"].values()]
    for requirement in (requirement for group in groups for requirement in group):
        version = requirement.partition(";")[0]
        assert "==" in version or (">=" in version and ",<" in version), requirement
