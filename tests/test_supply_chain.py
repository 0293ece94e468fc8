"""The locks have hashes and agree with the project, and every installation checks the hashes."""

import json
import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = sorted(path.name for path in (ROOT / "requirements").glob("*.txt"))
NPM_LOCKS = sorted(path.parent.name for path in (ROOT / "requirements").glob("*/package-lock.json"))
MAKEFILE = (ROOT / "Makefile").read_text()
WORKFLOWS = sorted(path.name for path in (ROOT / ".github" / "workflows").iterdir())
# A pin, its hashes, and the comment that names the packages that need it.
PIN = re.compile(r"^([a-z0-9].*) \\\n((?: {4}--hash=.*\n)+)((?: {4}#.*\n)+)", re.MULTILINE)
SOURCE = re.compile(r"digits \(pyproject\.toml(?::([a-z]+))?\)")
# Targets whose packages are in no lock: only benchmarks use them.
TARGETS_WITHOUT_HASHES = {".venv/.bench", ".venv/peers/%/.done"}


def read_lock(name):
    """List the pins of a lock: requirement, hashes, and the groups of the project that name it.

    The group of `dependencies` is an empty text.
    """
    pins = PIN.findall((ROOT / "requirements" / name).read_text())
    return [(Requirement(pin), hashes.split(), SOURCE.findall(comment)) for pin, hashes, comment in pins]


def groups_by_lock():
    """Read from the script that writes the locks which groups of the project are in each lock."""
    script = (ROOT / "requirements" / "lock").read_text().replace("\\\n", " ")
    groups = {}
    for arguments in re.findall(r"^compile (?!\()(.+)$", script, re.MULTILINE):
        (file,) = re.findall(r"--output-file requirements/(\S+)", arguments)
        has_dependencies = arguments.startswith("pyproject.toml ")
        groups[file] = [*([""] if has_dependencies else []), *re.findall(r"--group (\S+)", arguments)]
    return groups


GROUPS_BY_LOCK = groups_by_lock()


def named_requirements(lock):
    """Yield each requirement that the project names for a lock, with its group."""
    for group in GROUPS_BY_LOCK[lock]:
        requirements = PROJECT["dependency-groups"][group] if group else PROJECT["project"]["dependencies"]
        yield from ((Requirement(requirement), group) for requirement in requirements)


def test_script_writes_every_lock():
    assert sorted(GROUPS_BY_LOCK) == LOCKS
    assert GROUPS_BY_LOCK["serve.txt"] == [""]
    assert GROUPS_BY_LOCK["tracing.txt"] == ["tracing"]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_is_one_version_with_hashes_and_no_lock_names_an_index(lock):
    text = (ROOT / "requirements" / lock).read_text()
    pins = read_lock(lock)
    assert len(pins) == len(re.findall(r"^[^ #\n]", text, re.MULTILINE))
    for requirement, hashes, _ in pins:
        assert [specifier.operator for specifier in requirement.specifier] == ["=="]
        assert requirement.url is None
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", word) for word in hashes if word != "\\")
    assert "://" not in text
    assert "index" not in re.sub(r"^[a-z0-9-]+==.*|#.*", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_of_the_project_is_in_its_lock_within_its_bounds(lock):
    pins = read_lock(lock)
    for required, group in named_requirements(lock):
        name = canonicalize_name(required.name)
        own_pins = [(pin, sources) for pin, _, sources in pins if pin.name == name]
        assert own_pins, name
        for pin, sources in own_pins:
            (specifier,) = pin.specifier
            assert required.specifier.contains(specifier.version, prereleases=True), pin
            assert group in sources, pin


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_that_a_lock_takes_from_the_project_is_still_named_there(lock):
    named = {(canonicalize_name(required.name), group) for required, group in named_requirements(lock)}
    assert named == {(pin.name, group) for pin, _, sources in read_lock(lock) for group in sources}


def test_development_lock_has_all_pins_of_the_serving_and_tracing_locks():
    development = {str(pin) for pin, *_ in read_lock("dev.txt")}
    for lock in ("serve.txt", "tracing.txt"):
        assert {str(pin) for pin, *_ in read_lock(lock)} <= development


def test_serving_lock_has_no_package_for_training_tests_or_tracing():
    names = {pin.name for pin, *_ in read_lock("serve.txt")}
    assert len(names) > 10
    assert not names & {"scikit-learn", "scipy", "matplotlib", "tqdm", "pytest", "httpx", "opentelemetry-sdk"}


@pytest.mark.parametrize("folder", NPM_LOCKS)
def test_every_package_of_npm_has_a_hash_and_no_host_and_the_lock_agrees_with_its_project(folder):
    directory = ROOT / "requirements" / folder
    root, *packages = json.loads((directory / "package-lock.json").read_text())["packages"].values()
    assert root["devDependencies"] == json.loads((directory / "package.json").read_text())["devDependencies"]
    assert len(packages) > 10
    for package in packages:
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package["integrity"])
        assert "resolved" not in package


def test_makefile_installs_only_with_hashes_except_for_benchmarks():
    rules = re.findall(r"^([^\s#:=]+):(?!=).*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    installing = {target: recipe for target, recipe in rules if "pip install" in recipe}
    checked = {target for target, recipe in installing.items() if re.search(r"--require-hashes -r \$<\n", recipe)}
    assert {".venv/.serve", ".venv/.dev", ".venv/clients/.done"} <= checked
    assert installing.keys() - checked == TARGETS_WITHOUT_HASHES
    assert not re.findall(r"uv pip|pipx|npm (?:install|i|exec)\b|\bnpx\b", MAKEFILE)
    assert re.findall(r"npm ci .*", MAKEFILE)
    assert all("--ignore-scripts" in command for command in re.findall(r"npm ci .*", MAKEFILE))


def test_ci_installs_packages_of_python_and_node_only_by_the_makefile():
    script = (ROOT / ".ci" / "run").read_text()
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert not re.findall(r"pip install|npm|npx", re.sub(r"cache: \w+", "", script + workflow))


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_action_of_ci_is_pinned_by_its_commit(workflow):
    actions = re.findall(r"uses: (\S+)", (ROOT / ".github" / "workflows" / workflow).read_text())
    assert actions
    assert all(re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action) for action in actions)
