"""The image holds the service and nothing that installs or builds, and the Compose file takes all privileges away."""

import json
import re

import pytest
import yaml

from tests.conftest import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
STAGES = re.findall(r"^FROM .*?(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
LOWEST_HIGH_ID = 10_000  # a host gives smaller numbers to its own users


def instructions(stage, name):
    """List the arguments of each instruction of a stage that has a name, such as RUN."""
    return re.findall(rf"^{name} (.+)$", stage.replace("\\\n", ""), re.MULTILINE)


def test_image_contains_only_model_app_and_their_requirements():
    copied = [arguments for stage in STAGES for arguments in instructions(stage, "COPY")]
    assert copied == [
        "requirements/serve.txt requirements/tracing.txt /tmp/",
        "--from=dependencies /venv /venv",
        "model/ model/",
        "app/ app/",
    ]
    assert instructions(STAGES[0], "ARG") == ["EXTRA="]  # no further requirements by default


def test_build_gets_only_files_that_the_image_needs():
    assert (ROOT / ".dockerignore").read_text().splitlines() == [
        "*",
        "!requirements/serve.txt",
        "!requirements/tracing.txt",
        "!model",
        "!app",
        "**/__pycache__",
    ]


def test_both_stages_have_the_same_base_so_that_the_environment_fits():
    bases = {
        arguments.removesuffix(" AS dependencies") for stage in STAGES for arguments in instructions(stage, "FROM")
    }
    assert len(STAGES) == 2
    assert len(bases) == 1
    assert bases.pop().endswith("-slim")  # the variant without a compiler


def test_image_installs_only_built_packages_with_hashes_and_its_environment_has_no_pip():
    (installation,) = instructions(STAGES[0], "RUN")
    assert installation.startswith("python -m venv --without-pip /venv ")
    assert installation.count(" install ") == 1
    assert "pip --python /venv install " in installation
    assert {"--require-hashes", "--only-binary :all:"} <= set(re.findall(r"--[a-z-]+(?: :all:)?", installation))


def test_last_stage_removes_pip_of_the_base_image_and_installs_nothing():
    removal, compilation = instructions(STAGES[-1], "RUN")
    assert removal.split() == [
        *("rm", "-r", "/usr/local/bin/pip*", "/usr/local/lib/python3.*/ensurepip"),
        "/usr/local/lib/python3.*/site-packages/pip*",
    ]
    assert compilation == "python -m compileall -q model app"


def test_image_runs_as_a_high_numeric_user_and_group():
    (user,) = instructions(STAGES[-1], "USER")
    user_id, group_id = map(int, user.split(":"))
    assert min(user_id, group_id) > LOWEST_HIGH_ID


def test_container_runs_the_service_and_its_health_check_without_a_shell():
    check, service = (json.loads(command) for command in re.findall(r"\bCMD (\[.*\])$", DOCKERFILE, re.MULTILINE))
    assert service == ["python", "-m", "app"]
    assert check == ["python", "-m", "app.process.health_check"]
    assert (ROOT / "app" / "process" / "health_check.py").exists()


def test_service_has_a_read_only_root_and_256_mib_and_publishes_only_its_port():
    service = SERVICES["digits"]
    assert service["read_only"] is True
    assert len(service["tmpfs"]) == 1  # for the files of forms
    assert service["mem_limit"] == "256m"
    assert service["pids_limit"] == 128
    assert service["ports"] == ["8000:8000"]


@pytest.mark.parametrize("name", SERVICES)
def test_container_has_no_capabilities_and_gets_no_privileges(name):
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.keys() & {
        "cap_add",
        "devices",
        "ipc",
        "network_mode",
        "pid",
        "privileged",
        "user",
        "userns_mode",
    }
    assert not [volume for volume in service.get("volumes", []) if "docker.sock" in volume]
