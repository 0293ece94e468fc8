"""Helper for tests of the Prometheus formats."""

from prometheus_client.parser import text_string_to_metric_families


def parse_samples(reply, parse=text_string_to_metric_families):
    """Parse a reply in a Prometheus format.

    Args:
        reply: The reply.
        parse: Parser of the format; by default that of the Prometheus text format.
    Returns:
        The value of each sample, by its name and its sorted labels.
    """
    samples = [sample for family in parse(reply.text) for sample in family.samples]
    values = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}
    assert len(values) == len(samples)  # no sample occurs twice
    return values


def get_samples(client):
    """Return the samples of a service in the Prometheus text format, as `parse_samples` does."""
    return parse_samples(client.get("/metrics", params={"format": "prometheus"}))


def values_by_label(samples, name, label):
    """Return the values of a metric above zero, by the value of its only label."""
    return {dict(labels)[label]: value for (other, labels), value in samples.items() if other == name and value}
