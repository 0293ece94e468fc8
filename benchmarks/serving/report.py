"""Markdown tables of the results, and their insertion into the documentation.

"Measurements" are the return values of `comparison.measure` or `scaling.measure`, one for each round.
"""

import textwrap

from benchmarks.serving.contenders import CONTENDERS
from benchmarks.serving.goals import goals, median_of

LINE_LENGTH = 100  # of prose in Markdown

# Headings of the comparison's columns, with their alignment.
COLUMNS = {
    "": "---",
    "µs of CPU a request": "---:",
    "relative to echo": "---:",
    "requests/s": "---:",
    "p50 ms": "---:",
    "p99 ms": "---:",
    "start s": "---:",
    "MiB": "---:",
    "keeps connections": ":---:",
    "rejects 17": ":---:",
    "rejects text": ":---:",
}
COST_COLUMNS = 5  # the first columns, up to the median latency, which the README quotes


def comparison_table(results, columns=None):
    """Compare the contenders, in ascending order of CPU time.

    Args:
        results: The measurements of each round, by contender.
        columns: The number of columns, from the first of `COLUMNS` on; None takes all.
    Yields:
        Lines of Markdown.
    """
    yield f"| {' | '.join([*COLUMNS][:columns])} |"
    yield f"|{'|'.join([*COLUMNS.values()][:columns])}|"
    echo_cpu = median_of(results["echo"], "cpu_microseconds")
    for name in sorted(results, key=lambda name: median_of(results[name], "cpu_microseconds")):
        yield f"| {' | '.join(comparison_cells(name, results[name], echo_cpu)[:columns])} |"


def comparison_cells(name, measurements, echo_cpu):
    """Write the medians of one contender.

    Args:
        name: The contender's key in `CONTENDERS`.
        measurements: The contender's measurements.
        echo_cpu: The CPU time of a request to the echo server, in microseconds.
    Returns:
        The cells of its row, one for each of `COLUMNS`.
    """
    contender, cpu = CONTENDERS[name], median_of(measurements, "cpu_microseconds")
    title = f"**{contender.title}**" if name == "ours" else contender.title
    behaviour = measurements[0]["habits"]
    statuses = (behaviour["status_of_17"], behaviour["status_of_text"])
    return (
        f"{title}: {contender.remark}",
        f"{cpu:,.0f}",
        f"{cpu / echo_cpu:.1f}×",
        f"{median_of(measurements, 'requests_per_second'):,.0f}",
        f"{median_of(measurements, 'p50_milliseconds'):.2f}",
        f"{median_of(measurements, 'p99_milliseconds'):.2f}",
        f"{median_of(measurements, 'ready_seconds'):.2f}",
        f"{median_of(measurements, 'memory_bytes') / 2**20:.0f}",
        "yes" if behaviour["keeps_alive"] else "no",
        *(rejection_cell(status) if contender.parse_probabilities else "" for status in statuses),
    )


def rejection_cell(status):
    """Tell whether a server rejected an invalid request.

    Args:
        status: The status of the response.
    Returns:
        "no" for a prediction, "yes" for a 4xx status, and the status itself for a 5xx status.
    """
    return "no" if status < 400 else "yes" if status < 500 else str(status)


def goal_table(results):
    """Compare the measured figures with the goals.

    Args:
        results: The measurements of each round, by contender.
    Yields:
        Lines of Markdown.
    """
    yield "| | goal | measured | |"
    yield "|---|---:|---:|:---:|"
    for goal in goals(results):
        yield f"| {goal.subject} | {goal.bound} | {goal.measured} | {'met' if goal.is_met else 'missed'} |"


def size_table(measurements):
    """Write the CPU time of requests by batch size, as JSON and as bytes.

    Args:
        measurements: Return values of `scaling.measure`, one for each round.
    Yields:
        Lines of Markdown.
    """
    yield "| rows | JSON: µs of CPU a request | µs a row | bytes: µs of CPU a request | µs a row |"
    yield "|---:|---:|---:|---:|---:|"
    for size in measurements[0]["batch"]:
        costs = [
            median_of([measurement[curve][size] for measurement in measurements], "cpu_microseconds")
            for curve in ("batch", "tensor")
        ]
        cells = [cell for cost in costs for cell in (f"{cost:,.0f}", f"{cost / int(size):,.2f}")]
        yield f"| {size} | {' | '.join(cells)} |"


def connection_table(measurements):
    """Write the figures of requests with single images by number of connections.

    Args:
        measurements: Return values of `scaling.measure`, one for each round.
    Yields:
        Lines of Markdown.
    """
    yield "| connections | µs of CPU a request | requests/s | p50 ms | p99 ms |"
    yield "|---:|---:|---:|---:|---:|"
    for count in measurements[0]["connections"]:
        points = [measurement["connections"][count] for measurement in measurements]
        cpu, rate = median_of(points, "cpu_microseconds"), median_of(points, "requests_per_second")
        p50, p99 = median_of(points, "p50_milliseconds"), median_of(points, "p99_milliseconds")
        yield f"| {count} | {cpu:.0f} | {rate:,.0f} | {p50:.2f} | {p99:.2f} |"


def conditions_sentence(result):
    """Describe the conditions of the measurement in one sentence.

    Args:
        result: The result with its conditions: command, machine, rounds and seconds.
    Returns:
        The sentence.
    """
    machine = f"{result['machine']}, {result['cores']} cores, {result['system']}"
    method = f"medians of {result['rounds']} rounds of all servers, {result['seconds']} s for each load"
    return f"`{result['command']}` on {machine}: each server on one core and wrk on another, {method}."


def version_table(versions):
    """List the versions of the packages that this service and the other servers used.

    Args:
        versions: The versions by package, by contender.
    Yields:
        Lines of Markdown.
    """
    yield "| | |"
    yield "|---|---|"
    for name in ("ours", "mlserver", "litserve", "bentoml"):
        packages = ", ".join(f"{package} {version}" for package, version in versions[name].items())
        yield f"| {CONTENDERS[name].title} | {packages} |"


def quotations(serving, scaling):
    """Write all passages that documents quote.

    Args:
        serving: The result of the comparison.
        scaling: The result of the scaling.
    Returns:
        The lines of each passage, by the name that marks it in a document, as in `<!-- name -->`.
    """
    return {
        "origin": textwrap.wrap(conditions_sentence(serving), LINE_LENGTH, break_on_hyphens=False),
        "costs": [*comparison_table(serving["results"], COST_COLUMNS)],
        "comparison": [*comparison_table(serving["results"])],
        "goals": [*goal_table(serving["results"])],
        "versions": [*version_table(serving["versions"])],
        "sizes": [*size_table(scaling["results"])],
        "connections": [*connection_table(scaling["results"])],
    }


def insert_quotations(text, passages):
    """Replace the text between each pair of comments `<!-- name -->` and `<!-- /name -->` in a document.

    Args:
        text: The document.
        passages: The lines of each passage, by name. Names without comments in the document are ignored.
    Returns:
        The new document.
    """
    for name, lines in passages.items():
        before, start, rest = text.partition(f"<!-- {name} -->\n")
        if start:
            _, end, after = rest.partition(f"<!-- /{name} -->")
            text = before + start + "\n".join(lines) + "\n" + end + after
    return text
