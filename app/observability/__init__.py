"""Observability: counters, the `/metrics` report, logs and traces.

`shared_counters` is memory in which all worker processes count. `counter_registry` assigns the shared counters to the
`instruments`, which have the labels and the bucket bounds; `histogram` has the mechanism of buckets. `report` adds the
counters up for `/metrics` as JSON, `prometheus` writes the same figures for scrapers, with names and help texts, and
`negotiation` chooses between the formats. `logs` configures logging, `tracing` describes requests for OpenTelemetry,
and `exporter` sends the spans to a collector.
"""
