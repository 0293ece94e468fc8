"""Observability: counters, the `/metrics` report, logs and traces.

`shared_counters` is memory in which all worker processes count. `counter_registry` allocates its counters to
`metric_families`, which have a name, a help text and labels. `instruments` has the families of this service. `report`
is `/metrics` as JSON, and `prometheus` writes all families for scrapers. `logs` configures logging. `tracing` describes
requests for OpenTelemetry, `request_spans` creates the spans of JSON endpoints, and `exporter` sends the spans to a
collector.
"""
