"""KServe's objects are valid, and agree with the image, Compose and the code."""

import copy
import json
import re
import subprocess

import pytest
import yaml

from app.__main__ import build_parser
from app.api.metrics import METRICS
from app.http.request_head import PROBES
from app.main import VERSION
from app.settings import Settings
from model.card import FORMAT_VERSION
from tests.conftest import ROOT
from tests.deploy.kserve_objects import (
    CUSTOM_PREDICTOR,
    FOLDER,
    MOUNT_PATH,
    POD_SPECS,
    RUNTIME,
    STORAGE_PREDICTOR,
    only_container,
)
from tests.deploy.kubernetes_objects import COMPOSE, DOCKERFILE, KUBERNETES, OTHER_STEPS_SECONDS, environment_of
from tests.deploy.kubernetes_pod_security import violations
from tests.e2e.client_tools import PYTHON, needs_client_packages

GRACE_SECONDS = 30  # of KServe's standard mode; Knative gives a pod more time
# Fields that Knative and KServe's standard mode accept. Knative rejects a preStop action, named ports and another time
# to stop, among others.
CONTAINER_FIELDS = {
    *("args", "command", "env", "image", "livenessProbe", "name", "ports", "readinessProbe", "resources"),
    *("securityContext", "volumeMounts"),
}
POD_FIELDS = {"containers", "volumes"}
PREDICTOR_FIELDS = {"automountServiceAccountToken", "enableServiceLinks", "maxReplicas", "minReplicas"}
RUNTIME_FIELDS = {"annotations", "protocolVersions", "supportedModelFormats"}
(KUBERNETES_CONTAINER,) = yaml.safe_load((KUBERNETES / "base" / "deployment.yml").read_text())["spec"]["template"][
    "spec"
]["containers"]

CONTAINERS = pytest.mark.parametrize(
    "container", [only_container(spec, "name") for spec in POD_SPECS.values()], ids=POD_SPECS
)


@pytest.fixture
def parsed_settings(monkeypatch):
    """A function that parses the settings of a container."""

    def parse(container):
        for name, value in environment_of(container).items():
            monkeypatch.setenv(name, value)
        return Settings(**vars(build_parser().parse_args(container["args"])))

    return parse


def find_schema_errors(*files):
    """Validate files with the classes of KServe's package."""
    script = ROOT / "tests" / "deploy" / "kserve_schema.py"
    command = [str(PYTHON), str(script), *map(str, files)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)


@needs_client_packages
@pytest.mark.clients
def test_all_objects_have_the_schema_of_kserve():
    files = list(FOLDER.iterdir())
    assert len(files) == 3
    assert find_schema_errors(*files) == []


@needs_client_packages
@pytest.mark.clients
def test_validation_finds_unknown_missing_and_wrong_fields(tmp_path):
    wrong = copy.deepcopy(CUSTOM_PREDICTOR)
    (container,) = wrong["spec"]["predictor"]["containers"]
    container["readinesProbe"] = container.pop("readinessProbe")
    container["ports"][0]["containerPort"] = "8080"
    container["env"][0] = {"value": "7"}
    wrong["spec"]["predictor"]["minReplicas"] = True
    (tmp_path / "wrong.yml").write_text(yaml.safe_dump(wrong))
    errors = find_schema_errors(tmp_path / "wrong.yml")
    place = "InferenceService.spec.predictor.containers.0"
    assert f"{place}.readinesProbe is unknown" in errors
    assert f"{place}.ports.0.containerPort must be int" in errors
    assert "InferenceService.spec.predictor.minReplicas must be int" in errors
    missing = [error for error in errors if error.startswith(f"{place}.env.0: ")]
    assert "name" in missing[0]


@CONTAINERS
def test_container_runs_the_command_of_the_image_of_this_version(container):
    assert container["name"] == "kserve-container"
    assert container["image"] == f"{COMPOSE['image']}:{VERSION}"
    assert f"CMD {json.dumps(container['command'])}" in DOCKERFILE


@CONTAINERS
def test_service_listens_on_the_only_port_of_the_container(container, parsed_settings):
    settings = parsed_settings(container)
    assert f"DIGITS_HOST={settings.host}\n" in DOCKERFILE
    assert settings.port == 8080
    assert container["ports"] == [{"containerPort": settings.port, "protocol": "TCP"}]


@CONTAINERS
def test_probes_are_those_of_the_deployment_at_the_port_of_kserve(container):
    for name, path in zip(("livenessProbe", "readinessProbe"), PROBES, strict=True):
        # Without a startup probe, the first liveness probe has to wait for the start.
        delay = {"initialDelaySeconds": 10} if name == "livenessProbe" else {}
        handler = {"httpGet": {"path": path, "port": 8080}}
        assert container[name] == {**KUBERNETES_CONTAINER[name], **delay, **handler}


@CONTAINERS
def test_every_variable_is_a_setting_or_tells_kserve_the_protocol(container):
    assert {name: value for name, value in environment_of(container).items() if name != "PROTOCOL"}.keys() <= {
        f"DIGITS_{name.upper()}" for name in Settings.model_fields
    }


@pytest.mark.parametrize(
    "annotations", [CUSTOM_PREDICTOR["metadata"]["annotations"], RUNTIME["spec"]["annotations"]], ids=POD_SPECS
)
def test_annotations_name_the_port_and_path_of_the_metrics(annotations):
    assert annotations == {"prometheus.kserve.io/port": "8080", "prometheus.kserve.io/path": METRICS}


@CONTAINERS
def test_container_has_the_memory_and_the_rights_of_compose(container):
    mebibytes_of_compose = int(COMPOSE["mem_limit"].removesuffix("m"))
    resources = container["resources"]
    assert resources["limits"]["memory"] == resources["requests"]["memory"] == f"{mebibytes_of_compose}Mi"
    assert resources["requests"]["cpu"] == "1"
    assert container["securityContext"]["readOnlyRootFilesystem"] is COMPOSE["read_only"] is True
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == COMPOSE["tmpfs"]


@pytest.mark.parametrize("pod_spec", POD_SPECS.values(), ids=POD_SPECS)
def test_pods_meet_the_restricted_standard_and_have_only_fields_that_knative_accepts(pod_spec):
    assert [*violations(pod_spec)] == []
    (container,) = pod_spec["containers"]
    assert container.keys() == CONTAINER_FIELDS
    assert pod_spec.keys() - POD_FIELDS in (PREDICTOR_FIELDS, RUNTIME_FIELDS)


@pytest.mark.parametrize("predictor", [CUSTOM_PREDICTOR["spec"]["predictor"], STORAGE_PREDICTOR["spec"]["predictor"]])
def test_predictor_keeps_a_replica_adds_others_and_needs_no_token(predictor):
    assert 1 <= predictor["minReplicas"] < predictor["maxReplicas"]
    assert predictor["automountServiceAccountToken"] is False
    assert predictor["enableServiceLinks"] is False


@CONTAINERS
def test_drain_covers_the_removal_from_the_proxies_and_ends_before_kubernetes_kills(container, parsed_settings):
    settings = parsed_settings(container)
    assert settings.drain_seconds >= 5
    assert settings.drain_seconds + settings.graceful_stop_seconds + OTHER_STEPS_SECONDS <= GRACE_SECONDS


@pytest.mark.parametrize("pod_spec", POD_SPECS.values(), ids=POD_SPECS)
def test_every_volume_is_mounted(pod_spec):
    (container,) = pod_spec["containers"]
    assert {volume["name"] for volume in pod_spec["volumes"]} == {mount["name"] for mount in container["volumeMounts"]}


def test_custom_predictor_serves_the_weights_of_the_image_under_its_own_name(parsed_settings):
    settings = parsed_settings(only_container(POD_SPECS["custom predictor"], "other"))
    assert settings.model_name == CUSTOM_PREDICTOR["metadata"]["name"]
    assert environment_of(POD_SPECS["custom predictor"]["containers"][0])["PROTOCOL"] == "v2"
    assert settings.weights == Settings.model_fields["weights"].default


def test_runtime_serves_the_weights_of_the_mount_under_the_name_of_the_predictor(parsed_settings):
    settings = parsed_settings(only_container(POD_SPECS["serving runtime"], "other"))
    assert settings.model_name == "other"
    assert str(settings.weights) == MOUNT_PATH


def test_predictor_with_storage_asks_for_the_format_of_the_runtime():
    model = STORAGE_PREDICTOR["spec"]["predictor"]["model"]
    (supported,) = RUNTIME["spec"]["supportedModelFormats"]
    assert model["modelFormat"] == {name: supported[name] for name in ("name", "version")}
    assert supported["version"] == str(FORMAT_VERSION)
    assert supported["autoSelect"]
    assert [model["protocolVersion"]] == RUNTIME["spec"]["protocolVersions"] == ["v2"]
    assert re.fullmatch(
        r"pvc://[a-z-]+/[a-z-]+", model["storageUri"]
    )  # the folder of a claim, because KServe mounts it
