"""Scrapers get Prometheus' text, everybody else JSON."""

import pytest

from app.metrics.negotiation import Form, form_of_choice

PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;"
    "version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,"
    "*/*;q=0.2"
)
PROMETHEUS_2 = PROTOBUF.split(",", 1)[1]
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (PROMETHEUS_3, Form.OPENMETRICS),
        (PROMETHEUS_2, Form.OPENMETRICS),
        (PROTOBUF, Form.OPENMETRICS),
        ("application/vnd.google.protobuf", Form.TEXT),
        ("application/vnd.google.protobuf;q=0.6, application/json;q=0.5", Form.TEXT),
        ("text/plain", Form.TEXT),
        ("text/plain; version=0.0.4", Form.TEXT),
        ("Text/Plain", Form.TEXT),
        ("text/plain;q=0.5, application/openmetrics-text;q=0.4", Form.TEXT),
        ("application/openmetrics-text", Form.OPENMETRICS),
        ("*/*;q=0.9, text/plain;q=0.1", Form.TEXT),
        ("text/plain, application/json;q=0.9", Form.TEXT),
        ("text/plain, application/json", Form.TEXT),
        ("text/plain;version=0.0.4;q=0.3;x=y, application/json;q=0.2", Form.TEXT),
        ("", Form.JSON),
        ("*/*", Form.JSON),
        (BROWSER, Form.JSON),
        ("application/json", Form.JSON),
        ("application/json, text/plain, */*", Form.JSON),  # axios
        ("text/plain;q=0.5, application/json", Form.JSON),
        ("text/plain;q=0", Form.JSON),
        ("text/plain;q=0.000, */*", Form.JSON),
        ("text/plain;q=0, application/openmetrics-text;q=0.1", Form.OPENMETRICS),
        ("text/*", Form.JSON),
        ("image/png", Form.JSON),  # and not a 406
        (",;q=,;;", Form.JSON),
        ("text/plain;q=0.3333, application/json;q=0.9", Form.JSON),
        ("text/plain;q=.2, application/json;q=0.5", Form.JSON),
        ("text/plain;q=0.9999, application/json;q=0.9", Form.TEXT),
        ("text/plain;q=2", Form.JSON),  # a weight that cannot be read is none
        ("text/plain;q=nan", Form.JSON),
        ("text/plain;q=-1", Form.JSON),
        ('text/plain;q="0.1", application/openmetrics-text;q=0.1', Form.OPENMETRICS),
        (", ".join(["x/y"] * 100 + ["text/plain"]), Form.JSON),  # no more than so many are looked at
    ],
)
def test_what_is_named_and_ranks_highest_decides(accept, form):
    assert form_of_choice(accept) is form
