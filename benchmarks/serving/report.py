"""Tables of what was measured."""

from benchmarks.serving.contenders import CONTENDERS
from benchmarks.serving.goals import goals, middle

COLUMNS = {
    "": "---",
    "µs of CPU a request": "---:",
    "beside echo": "---:",
    "requests/s": "---:",
    "p50 ms": "---:",
    "p99 ms": "---:",
    "start s": "---:",
    "MiB": "---:",
    "keeps connections": ":---:",
    "refuses 17": ":---:",
    "refuses text": ":---:",
}


def table(results):
    """Put the contenders side by side, the cheapest first.

    Args:
        results: By contender, the measures of each round.
    Yields:
        Lines of Markdown.
    """
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{'|'.join(COLUMNS.values())}|"
    echo = middle(results["echo"], "cpu_microseconds")
    for name in sorted(results, key=lambda name: middle(results[name], "cpu_microseconds")):
        yield row(name, results[name], echo)


def row(name, rounds, echo):
    """Write the medians of one contender.

    Args:
        name: Its key.
        rounds: Its measures.
        echo: What the echo costs, microseconds of CPU a request.
    Returns:
        A line of Markdown.
    """
    contender, cpu = CONTENDERS[name], middle(rounds, "cpu_microseconds")
    title = f"**{contender.title}**" if name == "ours" else contender.title
    habits = rounds[0]["habits"]
    statuses = (habits["status_of_17"], habits["status_of_text"])
    cells = (
        f"{title}: {contender.remark}",
        f"{cpu:,.0f}",
        f"{cpu / echo:.1f}×",
        f"{middle(rounds, 'requests_per_second'):,.0f}",
        f"{middle(rounds, 'p50_milliseconds'):.2f}",
        f"{middle(rounds, 'p99_milliseconds'):.2f}",
        f"{middle(rounds, 'ready_seconds'):.2f}",
        f"{middle(rounds, 'memory_bytes') / 2**20:.0f}",
        "yes" if habits["keeps_alive"] else "no",
        *(verdict(status) if contender.read else "" for status in statuses),
    )
    return f"| {' | '.join(cells)} |"


def verdict(status):
    """Say what a status means for a request that is wrong."""
    return "no" if status < 400 else "yes" if status < 500 else str(status)


def goal_table(results):
    """Hold what was measured against the goals.

    Args:
        results: By contender, the measures of each round.
    Yields:
        Lines of Markdown.
    """
    yield "| | goal | measured | |"
    yield "|---|---:|---:|:---:|"
    for goal in goals(results):
        yield f"| {goal.what} | {goal.bound} | {goal.measured} | {'met' if goal.is_met else 'missed'} |"


def size_table(rounds):
    """Write what requests of several sizes cost, as JSON and as bytes.

    Args:
        rounds: Of the scaling.
    Yields:
        Lines of Markdown.
    """
    yield "| rows | JSON: µs of CPU a request | µs a row | bytes: µs of CPU a request | µs a row |"
    yield "|---:|---:|---:|---:|---:|"
    for size in rounds[0]["batch"]:
        costs = [
            middle([each[curve][size] for each in rounds], "cpu_microseconds")
            for curve in ("batch", "tensor")
        ]
        cells = [cell for cost in costs for cell in (f"{cost:,.0f}", f"{cost / int(size):,.2f}")]
        yield f"| {size} | {' | '.join(cells)} |"


def connection_table(rounds):
    """Write what single images cost by the number of connections.

    Args:
        rounds: Of the scaling.
    Yields:
        Lines of Markdown.
    """
    yield "| connections | µs of CPU a request | requests/s | p50 ms | p99 ms |"
    yield "|---:|---:|---:|---:|---:|"
    for count in rounds[0]["connections"]:
        points = [each["connections"][count] for each in rounds]
        cpu, rate = middle(points, "cpu_microseconds"), middle(points, "requests_per_second")
        p50, p99 = middle(points, "p50_milliseconds"), middle(points, "p99_milliseconds")
        yield f"| {count} | {cpu:.0f} | {rate:,.0f} | {p50:.2f} | {p99:.2f} |"


def origin(about):
    """Say where and how something was measured.

    Args:
        about: What the result says of itself.
    Yields:
        One sentence.
    """
    place = f"{about['machine']}, {about['cores']} cores, {about['system']}"
    turns = f"medians of {about['rounds']} rounds in turn, {about['seconds']} s each"
    yield f"`{about['command']}` on {place}: each server on one core and wrk on another, {turns}."


def version_table(versions):
    """Say what everyone ran on.

    Args:
        versions: By contender, the versions of its packages.
    Yields:
        Lines of Markdown.
    """
    yield "| | |"
    yield "|---|---|"
    for name in ("ours", "mlserver", "litserve", "bentoml"):
        packages = ", ".join(f"{package} {version}" for package, version in versions[name].items())
        yield f"| {CONTENDERS[name].title} | {packages} |"


def quotations(serving, scaling):
    """Write all that documents quote.

    Args:
        serving: The result of the comparison.
        scaling: The result of the scaling.
    Returns:
        Lines of Markdown, by the name of the place.
    """
    return {
        "origin": [*origin(serving)],
        "comparison": [*table(serving["results"])],
        "goals": [*goal_table(serving["results"])],
        "versions": [*version_table(serving["versions"])],
        "sizes": [*size_table(scaling["results"])],
        "connections": [*connection_table(scaling["results"])],
    }


def quote(text, places):
    """Put what was measured into a document, each between the two comments with its name.

    Args:
        text: The document.
        places: Lines of Markdown, by name; a document need not have them all.
    Returns:
        The document.
    """
    for name, lines in places.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, found, rest = text.partition(start)
        if found:
            text = before + start + "\n".join(lines) + "\n" + end + rest.partition(end)[2]
    return text
