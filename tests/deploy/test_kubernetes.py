"""The files of the manifests agree with each other and with the project; these tests need no other program."""

import re
import tomllib

import yaml

from app.main import VERSION
from model import load_artefact
from tests.conftest import ROOT
from tests.deploy.kubernetes_objects import KUBERNETES
from tests.deploy.monitoring import ADAPTER_VALUES, RULES

KUSTOMIZATIONS = {path.parent: yaml.safe_load(path.read_text()) for path in KUBERNETES.rglob("kustomization.yml")}
PRODUCTION = KUBERNETES / "overlays" / "production"
RULE_FILE = PRODUCTION / "prometheus-rule.yml"


def load(path):
    return yaml.safe_load(path.read_text())


def test_every_file_is_used_and_exactly_the_patches_have_patch_in_their_names():
    resources, patches = set(), set()
    for folder, kustomization in KUSTOMIZATIONS.items():
        resources |= {(folder / path).resolve() for path in kustomization.get("resources", [])}
        patches |= {folder / patch["path"] for patch in kustomization.get("patches", [])}
    files = {path for path in KUBERNETES.rglob("*") if path.is_file() and path.name != "kustomization.yml"}
    assert {path for path in files if "patch" in path.name} == patches
    used_folders = {path for path in resources if path.is_dir()}
    assert files - patches == resources - used_folders | {KUBERNETES / "prometheus-adapter-values.yml"}
    assert used_folders <= set(KUSTOMIZATIONS)


def test_base_has_the_version_of_the_project_as_label_and_as_tag_of_the_image():
    base = KUSTOMIZATIONS[KUBERNETES / "base"]
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION
    (labels,) = base["labels"]
    assert labels["pairs"]["app.kubernetes.io/version"] == VERSION
    assert base["images"] == [{"name": "digits", "newTag": VERSION}]


def test_rolling_update_never_has_fewer_ready_pods():
    deployment = load(KUBERNETES / "base" / "deployment.yml")["spec"]
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert deployment["minReadySeconds"] >= 5


def test_probes_tolerate_a_busy_service_and_a_slow_start():
    (container,) = load(KUBERNETES / "base" / "deployment.yml")["spec"]["template"]["spec"]["containers"]
    for name in ("livenessProbe", "readinessProbe"):
        assert (container[name]["timeoutSeconds"], container[name]["failureThreshold"]) == (5, 3)
    startup = container["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 60


def test_prometheus_rule_has_the_groups_that_compose_uses():
    assert load(RULE_FILE)["spec"]["groups"] == RULES["groups"], (
        f"copy the groups of deploy/monitoring/prometheus/rules.yml to {RULE_FILE.relative_to(ROOT)}, below spec"
    )


def test_autoscaler_uses_the_metric_that_the_adapter_defines():
    (rule,) = ADAPTER_VALUES["rules"]["custom"]
    (pods_metric,) = [
        entry["pods"] for entry in load(PRODUCTION / "autoscaler.yml")["spec"]["metrics"] if entry["type"] == "Pods"
    ]
    assert pods_metric["metric"]["name"] == rule["name"]["as"]
    series = re.split(r"\W", rule["seriesQuery"])[0]
    assert re.fullmatch(rule["name"]["matches"], series)
    assert f"rate({series}{{" in rule["metricsQuery"]
    # The adapter finds the pod of a series by these labels, which the Prometheus Operator adds.
    assert rule["resources"]["overrides"] == {name: {"resource": name} for name in ("namespace", "pod")}


def test_rate_of_the_adapter_spans_four_scrapes():
    (endpoint,) = load(PRODUCTION / "service-monitor.yml")["spec"]["endpoints"]
    (minutes,) = re.findall(r"\[(\d+)m\]", ADAPTER_VALUES["rules"]["custom"][0]["metricsQuery"])
    assert int(minutes) * 60 >= 4 * int(endpoint["interval"].removesuffix("s"))


def test_no_file_has_a_secret_or_names_a_namespace():
    for folder, kustomization in KUSTOMIZATIONS.items():
        assert not kustomization.keys() & {"secretGenerator", "namespace"}, folder
    manifests = [load(path) for path in KUBERNETES.rglob("*.yml")]
    assert not [manifest for manifest in manifests if manifest.get("kind") == "Secret"]
    assert not [manifest for manifest in manifests if "namespace" in manifest.get("metadata", {})]


def test_service_finds_the_weights_in_a_mounted_config_map(tmp_path, artefact):
    # The kubelet writes the files into a hidden folder, and links to them.
    hidden_folder = tmp_path / "..2026_11_28_12_00_00.1"
    hidden_folder.mkdir()
    (hidden_folder / "digits.npz").write_bytes((ROOT / "model" / "digits.npz").read_bytes())
    (tmp_path / "..data").symlink_to(hidden_folder.name)
    (tmp_path / "digits.npz").symlink_to("..data/digits.npz")
    assert load_artefact(tmp_path).sha256 == artefact.sha256
