"""Figures from the metrics that the service has reported during an event."""

import itertools


def longest_use(hashes, exchanges, reports):
    """Find how long a file of weights was used after its replacement.

    Args:
        hashes: The hashes of all files, the first one before all exchanges.
        exchanges: The time of each exchange.
        reports: The time of each report, and the hash that it contains.
    Returns:
        The largest number of seconds from an exchange to a report with the hash of the replaced file.
    """
    replaced = dict(zip(hashes, exchanges, strict=False))  # the last file is not replaced
    return max([0.0, *(moment - replaced[name] for moment, name in reports if name in replaced)])


def seconds_until_recovery(reports, killed, starts):
    """Find when the service counted two workers again.

    Args:
        reports: The time of each report, and the report.
        killed: The time when a worker was killed.
        starts: The number of workers that had started until then.
    Returns:
        The seconds from the kill to the first report of two workers and a further start, or None without it.
    """
    for moment, report in reports:
        if report["service"]["workers"] == 2 and report["service"]["worker_starts"] > starts:
            return moment - killed
    return None


def count_shrinks(reports):
    """Count the reports whose requests or predictions are fewer than in the report before."""
    counters = [(report["requests"], sum(report["predictions"])) for report in reports]
    return sum(later[0] < earlier[0] or later[1] < earlier[1] for earlier, later in itertools.pairwise(counters))
