"""Tables and sentences of `docs/scaling.md`, and the answer of the command `plan`.

"Results" are what `make capacity` writes to `RESULT`.
"""

import textwrap
from pathlib import Path
from statistics import median

from benchmarks.capacity.checks import TOLERANCE, model_rate
from benchmarks.capacity.kinds import BATCHES, LARGE_BATCH, batch_line, cost_of, median_constant
from benchmarks.capacity.model import highest_rate
from benchmarks.capacity.plan import Load, Spread, busiest_share, plan
from benchmarks.serving.report import LINE_LENGTH

RESULT = Path(__file__).parents[1] / "results" / "capacity.json"
ANSWER_LIMITS = (0.01, 0.02, 0.05, 0.1)
ANSWER_LOADS = (("predict", 0), ("batch", 64), ("batch", LARGE_BATCH), ("tensor", LARGE_BATCH), ("picture", 0))
MIB = 2**20
PLAN = ".venv/bin/python -m benchmarks.capacity"
EXAMPLE = "plan --kind predict --rate 30000 --p99 10 --connections 200"
EXAMPLE_REQUESTS, EXAMPLE_LIMIT, EXAMPLE_CONNECTIONS = [("predict", 30_000)], 0.01, 200
PICTURE_MEMORY = "Pictures of the largest size need up to 256 MiB with one worker, and 200 MiB for each further worker."


def load_name(kind, rows):
    """Name a load in a table."""
    names = {"predict": "single predictions", "picture": "pictures of 280×280", "photo": "photos of 12 megapixels"}
    names |= {"batch": f"batches of {rows} in JSON", "tensor": f"batches of {rows} as bytes"}
    return names[kind]


def shares(constants, name):
    """Return the smallest, the median and the largest share of the busier one of two workers."""
    trials = [share for measured in constants for share in measured[name]]
    return min(trials), median(trials), max(trials)


def origin_sentence(results):
    """Describe the conditions of the measurement in one sentence."""
    machine = f"{results['machine']}, {results['cores']} cores, {results['system']}, {results['date']}"
    return f"`{results['command']}` on {machine}: medians of {len(results['constants'])} rounds."


def constants_table(constants):
    """Write the constants.

    Args:
        constants: The constants of each round.
    Yields:
        Lines of Markdown.
    """
    predict = cost_of(constants, "predict")
    alone, together = (median_constant(constants, name) for name in ("predict_alone", "predict_together"))
    memory, two = (median_constant(constants, name) / MIB for name in ("memory_one_worker", "memory_two_workers"))
    yield "| constant | value |"
    yield "|---|---:|"
    yield f"| CPU of a single prediction, one connection | {alone * 1e6:.0f} µs |"
    yield f"| CPU of a single prediction, 64 connections | {together * 1e6:.0f} µs |"
    yield f"| *a*, CPU of an iteration of the event loop | {predict.iteration_seconds * 1e6:.0f} µs |"
    yield f"| *b*, CPU that each single prediction adds to its iteration | {predict.request_seconds * 1e6:.0f} µs |"
    for kind, name in zip(BATCHES, ("JSON", "bytes"), strict=True):
        fixed, per_row = batch_line(constants, kind)
        yield f"| CPU of a batch, {name} | {fixed * 1e6:.0f} µs + {per_row * 1e6:.2f} µs for each image |"
    for kind, name in (("picture", "PNG file of 280×280 pixels"), ("photo", "JPEG file of 4000×3000 pixels")):
        yield f"| CPU of a {name} | {median_constant(constants, kind) * 1e3:.1f} ms |"
    yield f"| memory of one worker at rest | {memory:.0f} MiB |"
    yield f"| memory of two workers and their supervisor, shared memory once | {two:.0f} MiB |"
    yield f"| start of one worker until its first answer | {median_constant(constants, 'ready_seconds'):.2f} s |"
    for name, way in (("spread_one_by_one", "one by one"), ("spread_at_once", "at once")):
        low, middle, high = (f"{share * 100:.0f}" for share in shares(constants, name))
        yield f"| share of the busier of two workers, 64 connections opened {way} | {middle} % ({low} to {high} %) |"


def rates_table(constants):
    """Write the highest rates of one core by kind of request and limit.

    Args:
        constants: The constants of each round.
    Yields:
        Lines of Markdown.
    """
    yield f"| requests/s of one core with p99 below | {' | '.join(f'{limit * 1e3:g} ms' for limit in ANSWER_LIMITS)} |"
    yield f"|---|{'---:|' * len(ANSWER_LIMITS)}"
    for kind, rows in ANSWER_LOADS:
        rates = (highest_rate(cost_of(constants, kind, rows), limit) for limit in ANSWER_LIMITS)
        yield f"| {load_name(kind, rows)} | {' | '.join(f'{rate:,.0f}' if rate else '–' for rate in rates)} |"


def checked_rates(results):
    """Compare the measured rates with the model.

    Args:
        results: The results.
    Yields:
        Each check and the rate of the model.
    """
    constants = results["constants"]
    for check in results["checks"]:
        yield check, model_rate(check, cost_of(constants, check["kind"], check["rows"]))


def checks_table(results):
    """Write the comparison of the measured rates with the model.

    Args:
        results: The results.
    Yields:
        Lines of Markdown.
    """
    yield "| load | workers | p99 below | share of the busiest | generator's cores | measured/s | model/s | ratio | |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---|"
    for check, rate in checked_rates(results):
        ratio = rate / check["rate"]
        cells = (
            load_name(check["kind"], check["rows"]),
            check["workers"],
            f"{check['limit_seconds'] * 1e3:g} ms",
            f"{check['busiest_share'] * 100:.0f} %",
            f"{check['generator_share']:.2f}",
            f"{check['rate']:,.0f}",
            f"{rate:,.0f}",
            f"{ratio:.2f}",
            "within 20 %" if abs(ratio - 1) <= TOLERANCE else "**missed**",
        )
        yield f"| {' | '.join(map(str, cells))} |"


def checks_sentence(results):
    """Count the checks within the tolerance, and name the share of the CPU that other programs took."""
    within = sum(abs(rate / check["rate"] - 1) <= TOLERANCE for check, rate in checked_rates(results))
    other = max(check["other_share"] for check in results["checks"])
    text = (
        f"The model is within {TOLERANCE:.0%} in {within} of {len(results['checks'])} checks. In the runs that "
        f"decided, other programs took at most {other:.2f} cores."
    )
    return textwrap.wrap(text.replace("%", " %"), LINE_LENGTH)


def example(results):
    """Write the command of the worked example and its output; a test runs the command."""
    yield "```console"
    yield f"$ {PLAN} {EXAMPLE}"
    yield from answer(results, EXAMPLE_REQUESTS, EXAMPLE_LIMIT, LARGE_BATCH, Spread(EXAMPLE_CONNECTIONS))
    yield "```"


def derivation(results):
    """Explain the answer of the worked example."""
    ((kind, rate),) = EXAMPLE_REQUESTS
    spread = Spread(EXAMPLE_CONNECTIONS)
    cost = cost_of(results["constants"], kind)
    highest = highest_rate(cost, EXAMPLE_LIMIT)
    workers, share = plan([Load(cost, rate)], EXAMPLE_LIMIT, spread)[:2]
    text = (
        f"One worker is saturated by {cost.saturation_rate:,.0f} single predictions a second, and keeps the limit up "
        f"to {highest:,.0f}. With {workers} workers, the busiest one gets {share * 100:.1f} % of {rate:,}, which is "
        f"{share * rate:,.0f}."
    )
    if workers > 1:
        text += f" With {workers - 1} of them, it would get {busiest_share(workers - 1, spread) * rate:,.0f}."
    return text


def quotations(results):
    """Write all passages that `docs/scaling.md` quotes.

    Args:
        results: The results.
    Returns:
        The lines of each passage, by the name that marks it in the document.
    """
    return {
        "rates": [*rates_table(results["constants"])],
        "plan": [*example(results)],
        "derivation": textwrap.wrap(derivation(results), LINE_LENGTH),
        "origin": textwrap.wrap(origin_sentence(results), LINE_LENGTH, break_on_hyphens=False),
        "constants": [*constants_table(results["constants"])],
        "checked": checks_sentence(results),
        "checks": [*checks_table(results)],
    }


def answer(results, requests, limit_seconds, rows, spread):
    """Answer how many cores a load needs.

    Args:
        results: The results with the constants.
        requests: Pairs of a kind and a rate.
        limit_seconds: The limit of the 99th percentile.
        rows: The number of images of a batch.
        spread: How the connections are spread over the workers.
    Yields:
        Sentences, one in each line.
    Raises:
        ValueError: No number of workers keeps the limit.
    """
    constants = results["constants"]
    loads = [Load(cost_of(constants, kind, rows), rate) for kind, rate in requests]
    found = plan(loads, limit_seconds, spread)
    one, two = (median_constant(constants, name) for name in ("memory_one_worker", "memory_two_workers"))
    memory = (one + (found.workers - 1) * (two - one)) / MIB
    names = " and ".join(f"{rate:,g} {load_name(kind, rows)}" for kind, rate in requests)
    workers = "1 worker," if found.workers == 1 else f"{found.workers} workers, each"
    yield f"{names} a second need {workers} with a core of its own (at most {memory:,.0f} MiB at rest)."
    share = f"{found.busiest_share * 100:.0f} %"
    if found.workers > 1:
        yield f"The busiest worker probably has {share} of {spread.connections:,} connections, and of the requests."
    yield f"It has {found.utilisation * 100:.0f} % of the load that would saturate it."
    limit = f"{limit_seconds * 1e3:g} ms"
    yield f"The 99th percentile stays below {limit} up to {found.possible_rate:,.0f} requests a second."
    if {"picture", "photo"} & {kind for kind, _ in requests}:
        yield PICTURE_MEMORY
    yield f"Costs: {results['machine']}, {results['date']}. On another machine, measure with `make capacity`."
