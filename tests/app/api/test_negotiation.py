"""Content negotiation of `/metrics`: Prometheus gets its own formats, and every other client gets JSON."""

import pytest

from app.api.metrics import negotiate_format
from app.observability.prometheus import MetricsFormat
from tests.accept_headers import BROWSER, PROMETHEUS_2, PROMETHEUS_3, PROTOBUF


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (PROMETHEUS_3, MetricsFormat.OPENMETRICS),
        (PROMETHEUS_2, MetricsFormat.OPENMETRICS),
        (PROTOBUF, MetricsFormat.OPENMETRICS),
        ("application/vnd.google.protobuf", MetricsFormat.TEXT),
        ("application/vnd.google.protobuf;q=0.6, application/json;q=0.5", MetricsFormat.TEXT),
        ("text/plain", MetricsFormat.TEXT),
        ("text/plain; version=0.0.4", MetricsFormat.TEXT),
        ("Text/Plain", MetricsFormat.TEXT),
        ("text/plain;q=0.5, application/openmetrics-text;q=0.4", MetricsFormat.TEXT),
        ("application/openmetrics-text", MetricsFormat.OPENMETRICS),
        ("*/*;q=0.9, text/plain;q=0.1", MetricsFormat.TEXT),
        ("text/plain, application/json;q=0.9", MetricsFormat.TEXT),
        ("text/plain, application/json", MetricsFormat.TEXT),
        ("text/plain;version=0.0.4;q=0.3;x=y, application/json;q=0.2", MetricsFormat.TEXT),
        ("", MetricsFormat.JSON),
        ("*/*", MetricsFormat.JSON),
        (BROWSER, MetricsFormat.JSON),
        ("application/json", MetricsFormat.JSON),
        ("application/json, text/plain, */*", MetricsFormat.JSON),  # axios
        ("text/plain;q=0.5, application/json", MetricsFormat.JSON),
        ("text/plain;q=0", MetricsFormat.JSON),
        ("text/plain;q=0.000, */*", MetricsFormat.JSON),
        ("text/plain;q=0, application/openmetrics-text;q=0.1", MetricsFormat.OPENMETRICS),
        ("text/*", MetricsFormat.JSON),
        ("image/png", MetricsFormat.JSON),  # JSON instead of a 406
        (",;q=,;;", MetricsFormat.JSON),
        ("text/plain;q=0.3333, application/json;q=0.9", MetricsFormat.JSON),
        ("text/plain;q=.2, application/json;q=0.5", MetricsFormat.JSON),
        ("text/plain;q=0.9999, application/json;q=0.9", MetricsFormat.TEXT),
        ("text/plain;q=2", MetricsFormat.JSON),  # an invalid quality counts as 0
        ("text/plain;q=nan", MetricsFormat.JSON),
        ("text/plain;q=-1", MetricsFormat.JSON),
        ('text/plain;q="0.1", application/openmetrics-text;q=0.1', MetricsFormat.OPENMETRICS),
        (", ".join(["x/y"] * 100 + ["text/plain"]), MetricsFormat.JSON),  # beyond the limit of parsed entries
    ],
)
def test_named_format_with_highest_quality_is_chosen_and_json_by_default(accept, expected):
    assert negotiate_format(accept) is expected
