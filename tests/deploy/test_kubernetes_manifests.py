"""The objects that Kustomize builds agree with each other, with Compose, with the Dockerfile and with the code."""

import re
import subprocess

import pytest
import yaml

from app.main import VERSION
from app.settings import Settings
from tests.conftest import ROOT
from tests.deploy.kubernetes_objects import (
    COMPOSE,
    DEFAULTS,
    DOCKERFILE,
    OTHER_STEPS_SECONDS,
    OVERLAYS,
    build_overlay,
    container_of,
    cores,
    environment_of,
    find,
    mebibytes,
    pod_of,
)
from tests.deploy.monitoring import ADAPTER_VALUES, RULES
from tests.e2e.client_tools import needs_client_packages
from tests.machine import skip_without

pytestmark = [pytest.mark.clients, needs_client_packages]

PROBE_PATHS = {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
# What a stop needs besides the drain and the requests in flight; docs/operations.md has its steps.
# A row of the table of loads. It has the worst waits of a probe and of a request on a new connection, in milliseconds.
WORST = r"[^|/]+/ (\d+)[^|]*"
LOAD_ROW = re.compile(rf"^\|[^|]+\| [\d,]+ \| \d[^|]+\|[^|]+\|{WORST}\|[^|]+\|{WORST}\| \d+ → \d+ \|", re.MULTILINE)


@pytest.fixture(scope="module", params=OVERLAYS)
def objects(request):
    return build_overlay(request.param)


@pytest.fixture(scope="module")
def production():
    return build_overlay("production")


def test_overlays_have_the_documented_kinds(production):
    base = {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"}
    assert {entry["kind"] for entry in build_overlay("small")} == base
    assert {entry["kind"] for entry in production} == base | {
        *("HorizontalPodAutoscaler", "ServiceMonitor", "PrometheusRule")
    }
    assert {entry["metadata"]["name"] for entry in production} == {"digits"}


def test_image_is_the_one_of_compose_with_the_version_of_the_project(objects):
    assert container_of(objects)["image"] == f"{COMPOSE['image']}:{VERSION}"
    assert container_of(objects)["imagePullPolicy"] == "IfNotPresent"
    labels = {"app.kubernetes.io/name": COMPOSE["image"], "app.kubernetes.io/version": VERSION}
    assert pod_of(objects)["metadata"]["labels"] == find(objects, "Deployment")["metadata"]["labels"] == labels


def test_all_ports_lead_to_the_port_on_which_the_service_listens(objects):
    (port,) = container_of(objects)["ports"]
    (exposed,) = re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)
    (published,) = COMPOSE["ports"]
    assert port["containerPort"] == DEFAULTS["port"] == int(exposed) == int(published.partition(":")[2])
    (service_port,) = find(objects, "Service")["spec"]["ports"]
    assert service_port["targetPort"] == port["name"]
    policy = find(objects, "NetworkPolicy")["spec"]
    assert policy["ingress"] == [{"ports": [{"port": port["containerPort"], "protocol": "TCP"}]}]
    assert (policy["egress"], set(policy["policyTypes"])) == ([], {"Ingress", "Egress"})


def test_probes_request_paths_that_the_service_answers(objects, client):
    container = container_of(objects)
    for name, path in PROBE_PATHS.items():
        assert container[name]["httpGet"] == {"path": path, "port": container["ports"][0]["name"]}
        assert client.get(path).status_code == 200


def test_time_limit_of_probes_is_ten_times_the_longest_documented_wait(objects):
    waits = LOAD_ROW.findall((ROOT / "docs" / "operations.md").read_text())
    assert len(waits) > 10
    longest = max(int(wait) for row in waits for wait in row) / 1000
    assert all(container_of(objects)[name]["timeoutSeconds"] > 10 * longest for name in PROBE_PATHS)
    startup = container_of(objects)["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 60


def test_environment_has_only_settings_and_their_values_are_valid(objects, monkeypatch):
    environment = environment_of(container_of(objects))
    assert {name.removeprefix("DIGITS_").lower() for name in environment} <= Settings.model_fields.keys()
    assert all(name.startswith("DIGITS_") for name in environment)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    Settings()


def test_grace_period_is_longer_than_a_stop(objects):
    pre_stop = container_of(objects)["lifecycle"]["preStop"]["sleep"]["seconds"]
    stop = DEFAULTS["drain_seconds"] + DEFAULTS["graceful_stop_seconds"] + OTHER_STEPS_SECONDS
    assert pod_of(objects)["spec"]["terminationGracePeriodSeconds"] >= pre_stop + stop
    assert int(COMPOSE["stop_grace_period"].removesuffix("s")) >= stop


def test_user_root_and_capabilities_are_those_of_compose_and_of_the_image(objects):
    pod, container = pod_of(objects)["spec"], container_of(objects)
    (user,) = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    context = pod["securityContext"]
    assert f"{context['runAsUser']}:{context['runAsGroup']}" == user
    assert context["fsGroup"] == context["runAsGroup"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is COMPOSE["read_only"] is True
    assert container["securityContext"]["capabilities"]["drop"] == COMPOSE["cap_drop"] == ["ALL"]
    writable = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert writable == COMPOSE["tmpfs"]


def test_pod_gets_no_token_and_no_variables_of_services(objects):
    pod = pod_of(objects)["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False  # a Service named `digits` would set DIGITS_PORT


def test_memory_limit_is_that_of_compose_and_the_request_holds_a_service_at_rest(objects):
    resources = container_of(objects)["resources"]
    assert mebibytes(resources["limits"]["memory"]) == mebibytes(COMPOSE["mem_limit"])
    after_peaks = re.search(r"\| after these peaks \| about (\d+) MiB \|", (ROOT / "docs/operations.md").read_text())
    assert after_peaks is not None
    assert int(after_peaks[1]) <= mebibytes(resources["requests"]["memory"])
    (tmp,) = [volume for volume in pod_of(objects)["spec"]["volumes"] if volume["name"] == "tmp"]
    # Bodies of two pictures of the largest size are in progress at most.
    assert mebibytes(tmp["emptyDir"]["sizeLimit"]) * 2**20 >= 2 * DEFAULTS["max_picture_bytes"]
    assert resources["limits"].keys() == {"memory"}  # a limit of CPU would delay all answers


def test_all_selectors_select_the_pods_by_their_name_alone(objects):
    deployment, pod = find(objects, "Deployment")["spec"], pod_of(objects)["spec"]
    selectors = [
        deployment["selector"]["matchLabels"],
        find(objects, "Service")["spec"]["selector"],
        find(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        find(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        *(constraint["labelSelector"]["matchLabels"] for constraint in pod["topologySpreadConstraints"]),
    ]
    assert len(selectors) == 6
    assert all(selector == {"app.kubernetes.io/name": "digits"} for selector in selectors)
    assert selectors[0].items() <= pod_of(objects)["metadata"]["labels"].items()


def test_pods_are_spread_over_zones_and_nodes_if_possible(objects):
    constraints = pod_of(objects)["spec"]["topologySpreadConstraints"]
    assert [entry["topologyKey"] for entry in constraints] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    assert {entry["whenUnsatisfiable"] for entry in constraints} == {"ScheduleAnyway"}


def test_disruption_budget_never_blocks_the_drain_of_a_node(objects):
    budget = find(objects, "PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    assert "minAvailable" not in budget


def test_small_overlay_has_one_replica_without_settings():
    small = build_overlay("small")
    assert find(small, "Deployment")["spec"]["replicas"] == 1
    assert environment_of(container_of(small)) == {}


def test_autoscaler_owns_the_number_of_replicas_and_knows_the_request_of_cpu(production):
    autoscaler, deployment = (find(production, kind) for kind in ("HorizontalPodAutoscaler", "Deployment"))
    target = autoscaler["spec"]["scaleTargetRef"]
    assert target == {key: deployment[key] for key in ("apiVersion", "kind")} | {"name": deployment["metadata"]["name"]}
    assert "replicas" not in deployment["spec"]
    assert 2 <= autoscaler["spec"]["minReplicas"] < autoscaler["spec"]["maxReplicas"]
    cpu, requests = autoscaler["spec"]["metrics"]
    assert cpu["resource"]["name"] == "cpu"
    assert cores(container_of(production)["resources"]["requests"]["cpu"]) == DEFAULTS["workers"]
    # Both metrics ask for more replicas before one core is busy.
    (per_core,) = re.findall(r"one core serves about ([\d,]+)", str(Settings.model_fields["workers"].description))
    share = int(requests["pods"]["target"]["averageValue"].removesuffix("k")) * 1000 / int(per_core.replace(",", ""))
    assert share < cpu["resource"]["target"]["averageUtilization"] / 100 < 0.8


def test_service_monitor_finds_the_service_and_its_metrics(production, client):
    monitor, service = find(production, "ServiceMonitor")["spec"], find(production, "Service")
    labels = service["metadata"]["labels"]
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    (endpoint,), (port,) = monitor["endpoints"], service["spec"]["ports"]
    assert endpoint["port"] == port["name"]
    assert "# HELP" in client.get(endpoint["path"], headers={"Accept": "text/plain"}).text
    jobs = {
        job for group in RULES["groups"] for rule in group["rules"] for job in re.findall('job="(.*?)"', rule["expr"])
    }
    assert jobs == {labels[monitor["jobLabel"]]}


def test_keys_of_pods_and_prometheus_are_in_one_secret(production):
    (volume,) = [entry for entry in pod_of(production)["spec"]["volumes"] if "secret" in entry]
    (mount,) = [entry for entry in container_of(production)["volumeMounts"] if entry["name"] == volume["name"]]
    (item,) = volume["secret"]["items"]
    assert mount["readOnly"] is True
    assert "subPath" not in mount
    environment = environment_of(container_of(production))
    assert environment["DIGITS_API_KEYS_FILE"] == f"{mount['mountPath']}/{item['path']}"
    assert environment["DIGITS_METRICS_NEEDS_KEY"] == "true"
    (endpoint,) = find(production, "ServiceMonitor")["spec"]["endpoints"]
    credentials = endpoint["authorization"]["credentials"]
    assert credentials["name"] == volume["secret"]["secretName"]
    assert credentials["key"] != item["key"]  # Prometheus' own key alone


@skip_without("promtool")
def test_promtool_accepts_the_prometheus_rule(production, tmp_path):
    rules = tmp_path / "rules.yml"
    rules.write_text(yaml.safe_dump(find(production, "PrometheusRule")["spec"]))
    process = subprocess.run(["promtool", "check", "rules", rules], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr


@skip_without("promtool")
def test_query_of_the_adapter_counts_the_requests_of_each_pod_without_probes(tmp_path):
    query = ADAPTER_VALUES["rules"]["custom"][0]["metricsQuery"]
    query = query.replace("<<.LabelMatchers>>", 'namespace="n",pod=~"a|b"').replace("<<.GroupBy>>", "pod")
    labels = 'job="digits",namespace="n",method="POST",status="200"'
    # By the labels of a series: requests between two scrapes. A probe does not count, and pod c is not asked for.
    requests = {'pod="a",route="/predict"': 150, 'pod="a",route="/livez"': 15, 'pod="c",route="/predict"': 15}
    series = [
        {"series": f"http_requests_total{{{labels},{own}}}", "values": f"0+{count}x20"}
        for own, count in requests.items()
    ]
    expected = {"expr": query, "eval_time": "4m", "exp_samples": [{"labels": '{pod="a"}', "value": 10}]}
    case = {"interval": "15s", "input_series": series, "promql_expr_test": [expected]}
    path = tmp_path / "test.yml"
    path.write_text(yaml.safe_dump({"tests": [case]}))
    process = subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
