"""The locks, the image and the versions agree with each other."""

import re
import tomllib

import pytest
import yaml

from app.main import VERSION
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(lock):
    """Every pin of a lock with the marker under which it holds."""
    text = (ROOT / "requirements" / lock).read_text()
    return set(re.findall(r"^([a-z0-9-]+==[^ ]+(?: ; [^\\]+)?) \\$", text, re.MULTILINE))


def test_the_development_lock_holds_the_pins_of_the_serving_lock():
    assert len(pins("serve.txt")) > 10
    assert pins("serve.txt") <= pins("dev.txt")
    assert pins("tracing.txt") <= pins("dev.txt")


def test_the_serving_lock_holds_only_what_serving_needs():
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


def test_the_version_is_the_same_everywhere():
    assert PROJECT["project"]["version"] == VERSION
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"## {VERSION}" in changelog


def test_the_image_holds_only_what_serving_needs():
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    assert copied == ["requirements/serve.txt requirements/tracing.txt", "model/", "app/"]
    assert "ARG EXTRA=\n" in dockerfile  # nothing more unless it is asked for
    assert "--require-hashes" in dockerfile


def test_the_composed_service_is_locked_down():
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
