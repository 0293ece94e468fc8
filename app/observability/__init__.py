"""Observability: counters, the `/metrics` report, logs and traces.

`shared_counters` is memory in which all worker processes count. `counter_registry` assigns the shared
counters to the `instruments`, which use the `histogram`. `report` adds the counters up for `/metrics` as JSON,
`prometheus` writes the same figures for scrapers, and `negotiation` chooses between the two formats. `logs`
configures logging, `tracing` describes requests for OpenTelemetry, and `exporter` sends the spans to a
collector.
"""
