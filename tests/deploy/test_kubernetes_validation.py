"""Every manifest is strictly valid, and its pods meet the Pod Security Standard "restricted"."""

from copy import deepcopy

import pytest

from tests.deploy.kubernetes_objects import OVERLAYS, build_overlay, find, pod_of
from tests.deploy.kubernetes_pod_security import violations
from tests.deploy.kubernetes_validation import VERSIONS, is_builtin, validate, validate_custom
from tests.e2e.client_tools import needs_client_packages, needs_node_packages

pytestmark = [pytest.mark.clients, needs_client_packages]


@pytest.fixture(scope="module")
def production():
    return build_overlay("production")


def changed(entry, *path, value):
    """Copy an object and set the value at a path in it."""
    copy = deepcopy(entry)
    parent = copy
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return copy


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_of_kubernetes_is_valid(overlay, tmp_path):
    objects = [entry for entry in build_overlay(overlay) if is_builtin(entry)]
    is_valid, output = validate(objects, tmp_path)
    assert is_valid, output
    # An object without a schema would be a warning.
    passed = [f"{entry['kind'].lower()}/{entry['metadata']['name']}" for entry in objects]
    assert [line.split("resource ")[1].split()[0] for line in output.splitlines()] == passed * len(VERSIONS)


CONTAINER = ("spec", "template", "spec", "containers", 0)


@pytest.mark.parametrize(
    ("kind", "path", "value", "message"),
    [
        ("Deployment", (*CONTAINER, "readinesProbe"), {}, "readinesProbe"),
        ("Deployment", (*CONTAINER, "ports", 0, "containerPort"), "8000", "'8000' is not of type"),
        ("Service", ("spec", "ports", 0, "targetport"), "http", "targetport"),
        ("HorizontalPodAutoscaler", ("spec", "minReplicas"), 1.5, "1.5 is not of type"),
        ("PodDisruptionBudget", ("spec", "maxUnavailabel"), 1, "maxUnavailabel"),
        ("NetworkPolicy", ("spec", "policyTypes"), "Ingress", "'Ingress' is not of type"),
    ],
)
def test_misspelt_field_and_wrong_type_are_invalid(production, tmp_path, kind, path, value, message):
    is_valid, output = validate([changed(find(production, kind), *path, value=value)], tmp_path)
    assert not is_valid
    assert message in output


@needs_node_packages
@pytest.mark.parametrize("kind", ["ServiceMonitor", "PrometheusRule"])
def test_object_of_the_prometheus_operator_is_valid(production, tmp_path, kind):
    is_valid, output = validate_custom(find(production, kind), tmp_path)
    assert is_valid, output


@needs_node_packages
@pytest.mark.parametrize(
    ("kind", "path", "value", "message"),
    [
        ("ServiceMonitor", ("spec", "joblabel"), "app", "joblabel"),
        ("ServiceMonitor", ("spec", "endpoints", 0, "authorization", "credential"), {}, "credential"),
        ("ServiceMonitor", ("spec", "endpoints", 0, "interval"), "15", "pattern"),
        ("PrometheusRule", ("spec", "groups", 0, "rules", 0, "labels", "severity"), 1, "not assignable"),
        ("PrometheusRule", ("metadata", "label"), {}, "label"),
    ],
)
def test_misspelt_field_and_wrong_value_of_the_prometheus_operator_are_invalid(
    production, tmp_path, kind, path, value, message
):
    is_valid, output = validate_custom(changed(find(production, kind), *path, value=value), tmp_path)
    assert not is_valid
    assert message in output


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_meet_the_restricted_standard(overlay):
    assert [*violations(pod_of(build_overlay(overlay))["spec"])] == []


@pytest.mark.parametrize(
    ("path", "value", "broken"),
    [
        (("hostNetwork",), True, "hostNetwork"),
        (("volumes", 0), {"name": "tmp", "hostPath": {"path": "/"}}, "volume hostPath"),
        (("securityContext",), {"runAsNonRoot": True}, "seccompProfile"),
        (("securityContext", "runAsNonRoot"), False, "runAsNonRoot"),
        (("securityContext", "runAsUser"), 0, "runAsUser"),
        (("containers", 0, "securityContext", "capabilities"), {}, "capabilities drop"),
        (("containers", 0, "securityContext", "capabilities", "add"), ["SYS_ADMIN"], "capabilities add"),
        (("containers", 0, "securityContext", "allowPrivilegeEscalation"), True, "allowPrivilegeEscalation"),
        (("containers", 0, "ports", 0, "hostPort"), 80, "hostPort"),
        (("containers", 0, "livenessProbe", "httpGet", "host"), "example.org", "host of a probe"),
    ],
)
def test_each_broken_rule_of_the_restricted_standard_is_found(production, path, value, broken):
    assert [*violations(changed(pod_of(production)["spec"], *path, value=value))] == [broken]
