"""The service starts with the command, environment and mount that KServe gives its container."""

import json
import subprocess

import numpy as np
import pytest

from tests.artefacts import RELEASED_BYTES, second_artefact
from tests.conftest import ROOT
from tests.deploy.kserve_objects import CUSTOM_PREDICTOR, MOUNT_PATH, POD_SPECS, STORAGE_PREDICTOR, only_container
from tests.deploy.kubernetes_objects import environment_of
from tests.e2e.client_tools import PYTHON, needs_client_packages
from tests.e2e.pod import container_command, container_environment, needs_namespaces, run_inside, running_container

pytestmark = [pytest.mark.e2e, pytest.mark.clients, needs_client_packages, needs_namespaces]

NAME = STORAGE_PREDICTOR["metadata"]["name"]
CONTAINERS = {kind: only_container(spec, NAME) for kind, spec in POD_SPECS.items()}
# Kubernetes and Knative add such variables. The address of a Service named `digits` has the name of a setting.
ADDED_VARIABLES = {
    "KUBERNETES_SERVICE_HOST": "10.96.0.1",
    "DIGITS_SERVICE_HOST": "10.96.0.2",
    "DIGITS_PORT": "tcp://10.96.0.2:80",
    "DIGITS_PORT_80_TCP": "tcp://10.96.0.2:80",
    "PORT": "8080",
    "K_SERVICE": "digits-predictor",
}


def arguments(container, mounted):
    """Return the command and the environment of a container, and its mount at KServe's path."""
    return {
        "command": [*container["command"], *container["args"]],
        "environment": container_environment(**ADDED_VARIABLES, **environment_of(container)),
        "mounted": mounted,
        "mount_path": MOUNT_PATH,
    }


def query_with_kserves_client(process, name, images):
    """Request health, an error and predictions with KServe's client, and return the results."""
    command = [str(PYTHON), str(ROOT / "tests" / "e2e" / "kserve_client.py"), "http://127.0.0.1:8080", name]
    return json.loads(run_inside(process, command, input=json.dumps(images.tolist())))


def assert_results_agree(results, name, expected):
    """Check the results of KServe's client, and compare the predictions with the network's probabilities."""
    assert results["live"]
    assert results["ready"]
    assert results["model ready"]
    assert not results["other ready"]
    for reply in results["replies"]:
        assert reply["model"] == name
        assert reply["digit"] == expected.argmax(axis=1).tolist()
        assert np.array(reply["probabilities"]) == pytest.approx(expected, abs=1e-6)


@pytest.fixture
def images(split):
    return split.training.pixels[:7]


def test_custom_predictor_serves_the_weights_of_the_image(artefact, images, tmp_path):
    name = CUSTOM_PREDICTOR["metadata"]["name"]
    nothing = tmp_path / "nothing"
    with running_container(**arguments(CONTAINERS["custom predictor"], nothing)) as (process, start):
        assert (start["port"], start["sha256"]) == (8080, artefact.sha256)
        results = query_with_kserves_client(process, name, images)
    assert_results_agree(results, name, artefact.network.probabilities(images))


def test_runtime_serves_the_mounted_weights_under_the_name_of_the_predictor(artefact, images, tmp_path):
    other = second_artefact(tmp_path / "any-name.npz", artefact)
    with running_container(**arguments(CONTAINERS["serving runtime"], tmp_path)) as (process, start):
        assert (start["port"], start["sha256"]) == (8080, other.sha256)
        results = query_with_kserves_client(process, NAME, images)
    assert_results_agree(results, NAME, other.network.probabilities(images))


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (None, "cannot be read: No such file or directory"),
        ([], "is a folder with 0 .npz files; it must have exactly one"),
        (["a.npz", "b.npz"], "is a folder with 2 .npz files; it must have exactly one"),
    ],
)
def test_mount_without_one_file_of_weights_is_one_sentence(tmp_path, names, fault):
    mounted = tmp_path / "mounted"
    if names is not None:
        mounted.mkdir()
    for name in names or []:
        (mounted / name).write_bytes(RELEASED_BYTES)
    container = arguments(CONTAINERS["serving runtime"], mounted)
    command, environment = container.pop("command"), container.pop("environment")
    result = subprocess.run(
        container_command(command, **container),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"digits cannot start: {MOUNT_PATH} {fault}\n"
