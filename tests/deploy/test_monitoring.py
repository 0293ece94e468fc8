"""What is deployed beside the service is valid, and asks only for series that there are."""

import json
import os
import re
import shutil
import subprocess

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from app.observability.instruments import REJECTION_REASONS
from tests.conftest import ROOT

MONITORING = ROOT / "deploy" / "monitoring"
DASHBOARD = json.loads((MONITORING / "grafana" / "dashboards" / "digits.json").read_text())
RULES = yaml.safe_load((MONITORING / "prometheus" / "rules.yml").read_text())
SERIES = re.compile(r"^\| `(\w+)` \| (.*?) ?\| (.*?) \| `(.*)` \|$", re.MULTILINE)  # rows of the table of series
DOCUMENTED = SERIES.findall((ROOT / "docs" / "operations.md").read_text())
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OF_PROMETHEUS = {"job", "instance"}  # labels that it gives to what it scrapes

promtool = pytest.mark.skipif(
    shutil.which("promtool") is None and "CI" not in os.environ, reason="needs promtool, of Debian's prometheus"
)


def queries():
    """Every query of the dashboard, of the rules and of the documents, with its place."""
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for group in RULES["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for name, _, _, query in DOCUMENTED:
        yield f"docs/operations.md: {name}", query
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["label"], variable["query"]["query"]


@pytest.fixture(scope="module")
def families(make_client):
    """Every metric of a service that has done something."""
    client = make_client()
    for path in ("/predict", "/predict/picture"):
        client.post(path, content=b"{}")
    text = client.get("/metrics", params={"format": "prometheus"}).text
    return list(text_string_to_metric_families(text))


@pytest.fixture(scope="module")
def series(families):
    """Every series of such a service, with its labels."""
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


def test_the_operators_page_lists_every_metric_with_its_labels_and_a_query_of_its_own(families):
    exposed = {}
    for family in families:
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        exposed[family.name + ("_total" if family.type == "counter" else "")] = labels
    listed = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels, _, _ in DOCUMENTED}
    assert listed == exposed
    for name, _, meaning, query in DOCUMENTED:
        assert meaning.endswith(".")
        assert name in query
        (family,) = [f for f in families if name in {f.name, f"{f.name}_total"}]
        assert meaning.startswith("Histogram") == (family.type == "histogram")


def test_the_operators_page_lists_every_reason_to_refuse_a_picture():
    (meaning,) = [meaning for name, _, meaning, _ in DOCUMENTED if name == "pictures_refused_total"]
    assert set(re.findall(r"`(\w+)`", meaning)) == set(REJECTION_REASONS)


@promtool
@pytest.mark.parametrize(
    "command",
    [["check", "config", "prometheus.yml"], ["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"]],
)
def test_promtool_accepts_what_prometheus_reads(command):
    ran = subprocess.run(
        ["promtool", *command], cwd=MONITORING / "prometheus", capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_alert_is_tested_to_speak_up_and_to_keep_quiet():
    tests = yaml.safe_load((MONITORING / "prometheus" / "rules_test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    alerts = {rule["alert"] for group in RULES["groups"] for rule in group["rules"]}
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == alerts
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} == alerts


@pytest.mark.parametrize(("place", "query"), list(queries()))
def test_a_query_names_only_series_and_labels_that_there_are(series, place, query):
    series = {**series, "up": set()}
    known = set().union(*series.values(), OF_PROMETHEUS)
    named = re.findall(r"([a-z_]+)\{([^}]*)\}", query) or re.findall(r"label_values\(([a-z_]+)()", query)
    assert named
    for name, matchers in named:
        assert name in series, f"{place}: {name}"
        assert set(re.findall(r"(\w+)=", matchers)) <= series[name] | OF_PROMETHEUS, place
    # Whatever else stands in a query is a function, a keyword or a label.
    grouped = re.findall(r"by \(([^)]*)\)", query)
    assert {label.strip() for labels in grouped for label in labels.split(",")} <= known


def test_every_series_is_on_the_dashboard_or_a_detail_of_one_that_is(series):
    text = " ".join(query for place, query in queries() if not place.startswith("docs/"))
    unseen = {name for name in series if name not in text}
    assert unseen == {
        *("model_calibration_error_ratio", "model_held_out_rows", "model_precision_ratio"),
        *("http_request_duration_seconds_sum", "prediction_batch_rows_bucket"),
    }


def test_panels_have_a_place_of_their_own_and_the_provisioned_source():
    (source,) = yaml.safe_load((MONITORING / "grafana/provisioning/datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert {found["uid"] for found in sources} == {"${datasource}"}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    (choice,) = [v for v in DASHBOARD["templating"]["list"] if v["name"] == "datasource"]
    assert choice["current"]["value"] == source["uid"]
    assert source["url"] == "http://prometheus:9090"


def test_compose_starts_monitoring_only_when_asked_to_and_for_this_machine_alone():
    services = COMPOSE["services"]
    assert "profiles" not in services["digits"]
    for name in ("prometheus", "grafana"):
        assert services[name]["profiles"] == ["monitoring"]
        assert all(port.startswith("127.0.0.1:") for port in services[name]["ports"])
        assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", services[name]["image"])
        assert services[name]["cap_drop"] == ["ALL"]


def test_what_compose_mounts_is_there_and_where_the_configuration_looks_for_it():
    mounted = {}
    for name in ("prometheus", "grafana"):
        for volume in COMPOSE["services"][name]["volumes"]:
            source, target = volume.split(":")[:2]
            if source.startswith("."):
                assert (ROOT / source).exists()
                mounted[target] = ROOT / source
    assert "--config.file=/etc/prometheus/prometheus.yml" in COMPOSE["services"]["prometheus"]["command"]
    config = yaml.safe_load((mounted["/etc/prometheus"] / "prometheus.yml").read_text())
    assert config["rule_files"] == ["rules.yml"]
    assert (mounted["/etc/prometheus"] / "rules.yml").exists()
    (scrape,) = config["scrape_configs"]
    (discovered,) = scrape["dns_sd_configs"]
    assert discovered["names"] == ["digits"]
    assert f"{discovered['port']}:{discovered['port']}" in COMPOSE["services"]["digits"]["ports"]
    provider = yaml.safe_load((MONITORING / "grafana/provisioning/dashboards/digits.yml").read_text())
    folder = provider["providers"][0]["options"]["path"]
    assert (mounted[folder] / "digits.json").exists()
    home = COMPOSE["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{folder}/digits.json"
