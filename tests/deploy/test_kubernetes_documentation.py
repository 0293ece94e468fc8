"""The examples of the page about Kubernetes work: own overlays, weights from a volume, and the Secret of the keys."""

import base64
import os
import re
import subprocess

import pytest
import yaml

from app.main import VERSION
from app.process.keys import load_keys
from app.settings import Settings
from tests.conftest import ROOT
from tests.deploy.kubernetes_objects import build, container_of, copy_manifests, environment_of, find, pod_of
from tests.deploy.kubernetes_pod_security import violations
from tests.deploy.kubernetes_validation import VERSIONS, is_builtin, validate
from tests.docs.documents import code_blocks, prose
from tests.e2e.client_tools import BINARIES, needs_client_packages

pytestmark = [pytest.mark.clients, needs_client_packages]

PAGE = "docs/kubernetes.md"
RELEASED_WEIGHTS = (ROOT / "model" / "digits.npz").read_bytes()
MAX_CONFIG_MAP_BYTES = 2**20
MAX_ANNOTATION_BYTES = 2**18


def examples():
    """Map the name of each example to its text. Further examples for one kustomization have the number 2 or more."""
    named: dict[str, str] = {}
    for block in code_blocks(PAGE, "yaml"):
        (name,) = re.findall(r"\A# own/([\w.-]+)", block)
        number = sum(other.startswith(name) for other in named) + 1
        named[name if number == 1 else f"{name} {number}"] = block
    return named


EXAMPLES = examples()
OWN = "kustomization.yml"
PATCHES = [name for name in EXAMPLES if "patch" in name]
WEIGHTS = next(name for name, text in EXAMPLES.items() if "configMapGenerator" in text)


def build_example(folder, *names, weights=RELEASED_WEIGHTS):
    """Build the overlay of the page together with further examples of the page."""
    own_folder = copy_manifests(folder)
    (own_folder / "digits.npz").write_bytes(weights)
    for name in PATCHES:
        (own_folder / name).write_text(EXAMPLES[name])
    kustomization = yaml.safe_load(EXAMPLES[OWN])
    for name in names:
        if name in PATCHES:
            kustomization.setdefault("patches", []).append({"path": name})
        else:
            kustomization |= yaml.safe_load(EXAMPLES[name])
    (own_folder / OWN).write_text(yaml.safe_dump(kustomization))
    return build(own_folder)


def config_map_name(objects):
    """Return the name of the ConfigMap that the pods mount."""
    (volume,) = [volume for volume in pod_of(objects)["spec"]["volumes"] if "configMap" in volume]
    return volume["configMap"]["name"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_builds_and_is_valid_and_restricted(name, tmp_path):
    needed = [WEIGHTS] if name == "claim-patch.yml" else []
    objects = build_example(tmp_path, *needed, *([] if name == OWN else [name]))
    is_valid, output = validate([entry for entry in objects if is_builtin(entry)], tmp_path)
    assert is_valid, output
    assert [*violations(pod_of(objects)["spec"])] == []
    assert container_of(objects)["image"] == f"registry.example.org/digits:{VERSION}"


def test_page_names_the_versions_of_the_image_and_of_the_schemas():
    text = prose(PAGE)
    assert set(re.findall(r"digits:(\d\S+)|newTag: (\d\S+)", text)) == {(VERSION, ""), ("", VERSION)}
    assert f"need Kubernetes {VERSIONS[0]} or later" in text
    assert f"schemas of Kubernetes {' and '.join(VERSIONS)}" in text


def test_tracing_example_permits_names_and_the_port_of_the_collector(tmp_path):
    objects = build_example(tmp_path, "tracing-patch.yml")
    (rule,) = find(objects, "NetworkPolicy")["spec"]["egress"]
    endpoint = environment_of(container_of(objects))["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert {port["port"] for port in rule["ports"]} == {53, int(endpoint.rpartition(":")[2])}


def test_example_without_adapter_scales_on_cpu_alone(tmp_path):
    (metric,) = find(build_example(tmp_path, "cpu-only-patch.yml"), "HorizontalPodAutoscaler")["spec"]["metrics"]
    assert metric["resource"]["name"] == "cpu"


def test_weights_are_mounted_from_a_config_map_whose_name_has_a_hash_of_the_file(tmp_path):
    objects = build_example(tmp_path, WEIGHTS)
    config_map = find(objects, "ConfigMap")
    assert config_map["metadata"]["name"] == config_map_name(objects) != "digits-weights"
    content = config_map["binaryData"]["digits.npz"]
    assert base64.b64decode(content) == RELEASED_WEIGHTS
    # It fits, but not into the annotation that `kubectl apply` writes without --server-side.
    assert MAX_ANNOTATION_BYTES < len(content) < MAX_CONFIG_MAP_BYTES
    (mount,) = [mount for mount in container_of(objects)["volumeMounts"] if mount["name"] == "weights"]
    assert environment_of(container_of(objects))["DIGITS_WEIGHTS"] == mount["mountPath"]
    assert "weights" in Settings.model_fields


def test_other_weights_start_a_rolling_update(tmp_path):
    names = []
    for weights in (b"old", b"new"):
        folder = tmp_path / weights.decode()
        folder.mkdir()
        names.append(config_map_name(build_example(folder, WEIGHTS, weights=weights)))
    assert len(set(names)) == 2


def test_claim_takes_the_place_of_the_config_map(tmp_path):
    pod = pod_of(build_example(tmp_path, WEIGHTS, "claim-patch.yml"))["spec"]
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "weights"]
    assert volume == {"name": "weights", "persistentVolumeClaim": {"claimName": "digits-weights", "readOnly": True}}


def test_documented_commands_create_the_keys_of_the_service_and_of_prometheus(tmp_path):
    (commands,) = [block for block in code_blocks(PAGE, "sh") if "new_key" in block]
    process = subprocess.run(
        ["bash", "-e", "-c", f"{commands.rstrip()} --dry-run=client --output yaml"],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{BINARIES}{os.pathsep}{os.environ['PATH']}", "KUBECONFIG": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    secret = yaml.safe_load(process.stdout)
    assert secret["metadata"]["name"] == "digits-keys"
    entries = {name: base64.b64decode(content).decode() for name, content in secret["data"].items()}
    assert entries["keys"].startswith(f"{entries['prometheus']}\n")
    assert re.fullmatch(r"[\w-]{43}", entries["prometheus"])
    assert len(load_keys(Settings(api_keys_file=tmp_path / "keys")).split()) == 2
