"""The configuration of Prometheus, Grafana and Compose is valid, and queries only existing series."""

import re
import subprocess

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from app.observability.instruments import REJECTION_REASONS
from tests.conftest import ROOT
from tests.deploy.monitoring import DASHBOARD, DOCUMENTED_SERIES, MONITORING, RULES, queries
from tests.machine import skip_without

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PROMETHEUS_LABELS = {"job", "instance"}  # Prometheus adds these labels to every series

needs_promtool = skip_without("promtool")


@pytest.fixture(scope="module")
def families(make_client):
    """All metric families of a service after two rejected requests."""
    client = make_client()
    for path in ("/predict", "/predict/picture"):
        client.post(path, content=b"{}")
    text = client.get("/metrics", params={"format": "prometheus"}).text
    return list(text_string_to_metric_families(text))


@pytest.fixture(scope="module")
def series(families):
    """The labels of each series of that service, by name."""
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


def test_operations_page_lists_every_metric_with_its_labels_and_a_query(families):
    exposed = {}
    for family in families:
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        exposed[family.name + ("_total" if family.type == "counter" else "")] = labels
    documented = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels, _, _ in DOCUMENTED_SERIES}
    assert documented == exposed
    for name, _, meaning, query in DOCUMENTED_SERIES:
        assert meaning.endswith(".")
        assert name in query
        (family,) = [family for family in families if name in {family.name, f"{family.name}_total"}]
        assert meaning.startswith("Histogram") == (family.type == "histogram")


def test_operations_page_lists_every_rejection_reason_of_pictures():
    (meaning,) = [meaning for name, _, meaning, _ in DOCUMENTED_SERIES if name == "pictures_refused_total"]
    assert set(re.findall(r"`(\w+)`", meaning)) == set(REJECTION_REASONS)


@needs_promtool
@pytest.mark.clients
@pytest.mark.parametrize(
    "command",
    [["check", "config", "prometheus.yml"], ["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"]],
)
def test_promtool_accepts_the_configuration_and_rules(command):
    result = subprocess.run(
        ["promtool", *command], cwd=MONITORING / "prometheus", capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not():
    tests = yaml.safe_load((MONITORING / "prometheus" / "rules_test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    alerts = {rule["alert"] for group in RULES["groups"] for rule in group["rules"]}
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == alerts
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} == alerts


@pytest.mark.parametrize(("location", "query"), list(queries()))
def test_query_uses_only_existing_series_and_labels(series, location, query):
    series = {**series, "up": set()}
    existing_labels = set().union(*series.values(), PROMETHEUS_LABELS)
    selectors = re.findall(r"([a-z_]+)\{([^}]*)\}", query) or re.findall(r"label_values\(([a-z_]+)()", query)
    assert selectors
    for name, matchers in selectors:
        assert name in series, f"{location}: {name}"
        assert set(re.findall(r'(\w+)(?:!=|!~|=~|=)"', matchers)) <= series[name] | PROMETHEUS_LABELS, location
    # Labels also occur in groupings; the rest of a query is functions and keywords.
    groupings = re.findall(r"by \(([^)]*)\)", query)
    assert {label.strip() for labels in groupings for label in labels.split(",")} <= existing_labels


def test_dashboard_and_alerts_use_every_series_except_a_few_details(series):
    text = " ".join(query for location, query in queries() if not location.startswith("docs/"))
    unused = {name for name in series if name not in text}
    assert unused == {
        *("model_calibration_error_ratio", "model_held_out_rows", "model_precision_ratio"),
        *("http_request_duration_seconds_sum", "prediction_batch_rows_bucket"),
    }


def test_panels_do_not_overlap_and_use_the_provisioned_data_source():
    (data_source,) = yaml.safe_load((MONITORING / "grafana/provisioning/datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    occupied: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        position = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(position["x"], position["x"] + position["w"])
            for y in range(position["y"], position["y"] + position["h"])
        }
        assert not cells & occupied, panel["title"]
        assert max(x for x, _ in cells) < 24
        occupied |= cells
        data_sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert {panel_source["uid"] for panel_source in data_sources} == {"${datasource}"}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    (variable,) = [variable for variable in DASHBOARD["templating"]["list"] if variable["name"] == "datasource"]
    assert variable["current"]["value"] == data_source["uid"]
    assert data_source["url"] == "http://prometheus:9090"


def test_compose_starts_monitoring_only_with_its_profile_and_publishes_its_ports_locally():
    services = COMPOSE["services"]
    assert "profiles" not in services["digits"]
    for name in ("prometheus", "grafana"):
        assert services[name]["profiles"] == ["monitoring"]
        assert all(port.startswith("127.0.0.1:") for port in services[name]["ports"])
        assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", services[name]["image"])
        assert services[name]["cap_drop"] == ["ALL"]


def test_compose_mounts_existing_files_at_the_paths_that_the_configuration_names():
    mounts = {}
    for name in ("prometheus", "grafana"):
        for volume in COMPOSE["services"][name]["volumes"]:
            source, target = volume.split(":")[:2]
            if source.startswith("."):
                assert (ROOT / source).exists()
                mounts[target] = ROOT / source
    assert "--config.file=/etc/prometheus/prometheus.yml" in COMPOSE["services"]["prometheus"]["command"]
    config = yaml.safe_load((mounts["/etc/prometheus"] / "prometheus.yml").read_text())
    assert config["rule_files"] == ["rules.yml"]
    assert (mounts["/etc/prometheus"] / "rules.yml").exists()
    (scrape,) = config["scrape_configs"]
    (discovery,) = scrape["dns_sd_configs"]
    assert discovery["names"] == ["digits"]
    assert f"{discovery['port']}:{discovery['port']}" in COMPOSE["services"]["digits"]["ports"]
    provider = yaml.safe_load((MONITORING / "grafana/provisioning/dashboards/digits.yml").read_text())
    folder = provider["providers"][0]["options"]["path"]
    assert (mounts[folder] / "digits.json").exists()
    home_dashboard = COMPOSE["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home_dashboard == f"{folder}/digits.json"
