"""Measure what serving a prediction costs, print the results, and write them into the documentation.

`python -m benchmarks.serving` measures every contender, and then how this service scales. With the argument
`quick` it leaves out MLServer, LitServe, BentoML, this service by `/v2`, and the scaling, and it writes no file.
"""

import argparse
import json
import os
import platform
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks.serving import comparison, plots, report
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
QUICK_CONTENDERS = ("ours", "echo", "bare", "textbook", "two_workers")


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
    results = {name: [] for name in names}
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


def conditions(options):
    """Describe the conditions of the measurement: the command, its options and the machine."""
    machine = {"machine": processor_name(), "cores": os.cpu_count(), "system": platform.platform()}
    return {"command": "make bench", **machine, "rounds": options.rounds, "seconds": options.seconds}


def _positive_integer(text):
    """Parse a whole number of at least 1."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError("must be a whole number of at least 1")
    return int(text)


def _parse_options():
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["all", "quick"], default="all", help="default: %(default)s")
    parser.add_argument("--rounds", type=_positive_integer, default=3, help="default: %(default)s")
    parser.add_argument(
        "--seconds", type=_positive_integer, default=3, help="duration of each load; default: %(default)s"
    )
    return parser.parse_args()


def main():
    """Measure what the command line asks for; unless it asks for `quick`, write results and documents."""
    options = _parse_options()
    require_wrk()
    names = QUICK_CONTENDERS if options.what == "quick" else tuple(CONTENDERS)
    results = measure_contenders(names, options.rounds, options.seconds)
    print(*report.comparison_table(results), "", *report.goal_table(results), sep="\n", flush=True)
    if options.what == "quick":
        return
    versions = {name: CONTENDERS[name].versions() for name in names}
    scaling_results = measure_scaling(options.rounds, options.seconds)
    serving = {**conditions(options), "versions": versions, "results": results}
    scaling = {**conditions(options), "results": scaling_results}
    SERVING.write_text(json.dumps(serving, indent=1) + "\n")
    SCALING.write_text(json.dumps(scaling, indent=1) + "\n")
    plots.write_plots(serving, scaling)
    for document in DOCUMENTS:
        quotations = report.quotations(serving, scaling)
        document.write_text(report.insert_quotations(document.read_text(), quotations))


if __name__ == "__main__":
    main()
