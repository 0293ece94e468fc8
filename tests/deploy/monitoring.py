"""The deployed configuration of Prometheus and Grafana, the documented series, and all queries."""

import json
import re

import yaml

from tests.conftest import ROOT

MONITORING = ROOT / "deploy" / "monitoring"
DASHBOARD = json.loads((MONITORING / "grafana" / "dashboards" / "digits.json").read_text())
ADAPTER_VALUES = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "prometheus-adapter-values.yml").read_text())
RULES = yaml.safe_load((MONITORING / "prometheus" / "rules.yml").read_text())
# A row of the table of series: name, labels, meaning, query.
SERIES_ROW = re.compile(r"^\| `(\w+)` \| (.*?) ?\| (.*?) \| `(.*)` \|$", re.MULTILINE)
DOCUMENTED_SERIES = SERIES_ROW.findall((ROOT / "docs" / "operations.md").read_text())


def queries():
    """List every query of the dashboard, the alerts, the autoscaler and the documentation, with its location."""
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for group in RULES["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for rule in ADAPTER_VALUES["rules"]["custom"]:
        # The adapter puts the names and values of the labels of pods into these places.
        query = rule["metricsQuery"].replace(",<<.LabelMatchers>>", "").replace("<<.GroupBy>>", "instance")
        yield rule["name"]["as"], query
    for name, _, _, query in DOCUMENTED_SERIES:
        yield f"docs/operations.md: {name}", query
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["label"], variable["query"]["query"]
