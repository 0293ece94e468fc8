"""Measure what serving a prediction costs, print the results, and write them into the documentation.

`python -m benchmarks.serving` measures every contender, and then how this service scales. With the argument
`quick` it compares the checkout with an earlier revision, the lower limits and a textbook handler, and it writes
no file.
"""

import argparse
import json
import os
import platform
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks.serving import comparison, plots, quick, quick_report, report
from benchmarks.serving import scaling as scaling_benchmark
from benchmarks.serving.additional_loads import additional_loads
from benchmarks.serving.contenders import CONTENDERS, ROOT, WEIGHTS
from benchmarks.serving.wrk import require_wrk
from benchmarks.training import processor_name
from model import load_artefact
from training.data import load_split

RESULTS = Path(__file__).parents[1] / "results"
DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "benchmarks.md")
SERVING, SCALING = RESULTS / "serving.json", RESULTS / "scaling.json"
ROUNDS, SECONDS = 3, 3
# The quick benchmark compares nearly equal costs, so it has more rounds, and a shorter load in each.
QUICK_ROUNDS, QUICK_SECONDS = 7, 2


def measure_contenders(names, rounds, seconds):
    """Measure every contender once in each round.

    Args:
        names: Keys of `CONTENDERS`.
        rounds: The number of rounds.
        seconds: The duration of each load.
    Returns:
        For each name, the measurements of each round.
    """
    split, network = load_split(), load_artefact(WEIGHTS).network
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for round_number in range(1, rounds + 1):
        for name in names:
            loads = additional_loads(split.training.pixels) if name == "ours" else {}
            measurement = comparison.measure(CONTENDERS[name], split, network, seconds, loads)
            results[name].append(measurement)
            cost = f"{measurement['cpu_microseconds']:6.1f} µs"
            print(f"{round_number}: {cost}  {CONTENDERS[name].title}", flush=True)
    return results


def measure_scaling(rounds, seconds):
    """Measure in each round how this service scales.

    Args:
        rounds: The number of rounds.
        seconds: The duration of each load.
    Returns:
        The measurements of each round.
    """
    images = load_split().training.pixels
    measurements = []
    for round_number in range(1, rounds + 1):
        measurements.append(scaling_benchmark.measure(images, seconds))
        print(f"{round_number}: scaling by batch size and by connections is measured", flush=True)
    return measurements


def conditions(command, options):
    """Describe the conditions of the measurement: the command, its options and the machine."""
    machine = {"machine": processor_name(), "cores": os.cpu_count(), "system": platform.platform()}
    return {"command": command, **machine, "rounds": options.rounds, "seconds": options.seconds}


def _positive_integer(text):
    """Parse a whole number of at least 1."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError("must be a whole number of at least 1")
    return int(text)


def _parse_options():
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["all", "quick"], default="all", help="default: %(default)s")
    parser.add_argument(
        "--rounds", type=_positive_integer, help=f"default: {ROUNDS}, or {QUICK_ROUNDS} rounds of quick"
    )
    parser.add_argument(
        "--seconds",
        type=_positive_integer,
        help=f"duration of each load; default: {SECONDS}, or {QUICK_SECONDS} of quick",
    )
    parser.add_argument(
        "--before",
        metavar="REVISION",
        help="earlier revision for quick; default: the newest release before the checkout",
    )
    options = parser.parse_args()
    if options.before and options.what != "quick":
        parser.error("--before needs quick")
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if options.what == "quick" else (ROUNDS, SECONDS)
    options.rounds, options.seconds = options.rounds or rounds, options.seconds or seconds
    return options


def compare_revisions(options):
    """Run the quick benchmark, and print its conditions and its table."""
    quick.require_tracing()
    costs = quick.measure(options.before, options.rounds, options.seconds)
    sentence = report.conditions_sentence(conditions("make bench-quick", options))
    print("", sentence, "", *quick_report.quick_table(costs), sep="\n")


def compare_contenders(options):
    """Measure every contender and the scaling, and write results and documents."""
    names = tuple(CONTENDERS)
    results = measure_contenders(names, options.rounds, options.seconds)
    print(*report.comparison_table(results), "", *report.goal_table(results), sep="\n", flush=True)
    versions = {name: CONTENDERS[name].versions() for name in names}
    scaling_results = measure_scaling(options.rounds, options.seconds)
    serving = {**conditions("make bench", options), "versions": versions, "results": results}
    scaling = {**conditions("make bench", options), "results": scaling_results}
    SERVING.write_text(json.dumps(serving, indent=1) + "\n")
    SCALING.write_text(json.dumps(scaling, indent=1) + "\n")
    plots.write_plots(serving, scaling)
    for document in DOCUMENTS:
        quotations = report.quotations(serving, scaling)
        document.write_text(report.insert_quotations(document.read_text(), quotations))


def main():
    """Measure what the command line asks for."""
    options = _parse_options()
    require_wrk()
    if options.what == "quick":
        compare_revisions(options)
    else:
        compare_contenders(options)


if __name__ == "__main__":
    main()
