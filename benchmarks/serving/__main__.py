"""`python -m benchmarks.serving`: measure, write what was measured, also into the documents, and print it.

With no argument everyone is measured, and then how our service scales. `quick` leaves out other servers and
the scaling, and writes nothing.
"""

import argparse
import json
import os
import platform
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks.serving import comparison, plots, report, requests
from benchmarks.serving import scaling as curves
from benchmarks.serving.contenders import CONTENDERS, ROOT, WEIGHTS
from benchmarks.serving.load import require_wrk
from benchmarks.training import machine
from model import load_artefact
from training.data import load_split

RESULTS = Path(__file__).parents[1] / "results"
DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "benchmarks.md")
SERVING, SCALING = RESULTS / "serving.json", RESULTS / "scaling.json"
QUICK = ("ours", "echo", "bare", "textbook", "two_workers")


def compare(names, rounds, seconds):
    """Measure contenders in turn, round after round."""
    split, network = load_split(), load_artefact(WEIGHTS).network
    results = {name: [] for name in names}
    for number in range(1, rounds + 1):
        for name in names:
            further = requests.further(split.training.pixels) if name == "ours" else {}
            measured = comparison.measure(CONTENDERS[name], split, network, seconds, further)
            results[name].append(measured)
            print(f"{number}: {measured['cpu_microseconds']:6.1f} µs  {CONTENDERS[name].title}", flush=True)
    return results


def scale(rounds, seconds):
    """Measure how our service scales, round after round."""
    images = load_split().training.pixels
    measured = []
    for number in range(1, rounds + 1):
        measured.append(curves.measure(images, seconds))
        print(f"{number}: by size and by connections", flush=True)
    return measured


def about(chosen):
    """Say where and how it was measured."""
    place = {"machine": machine(), "cores": os.cpu_count(), "system": platform.platform()}
    return {"command": "make bench", **place, "rounds": chosen.rounds, "seconds": chosen.seconds}


def _positive(text):
    """Read a whole number above 0."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError("must be a whole number of at least 1")
    return int(text)


def main():
    """Measure what was asked for."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("what", nargs="?", choices=["all", "quick"], default="all")
    arguments.add_argument("--rounds", type=_positive, default=3, help="default: %(default)s")
    arguments.add_argument("--seconds", type=_positive, default=3, help="of each load; default: %(default)s")
    chosen = arguments.parse_args()
    require_wrk()
    names = QUICK if chosen.what == "quick" else tuple(CONTENDERS)
    results = compare(names, chosen.rounds, chosen.seconds)
    print(*report.table(results), "", *report.goal_table(results), sep="\n", flush=True)
    if chosen.what == "quick":
        return
    versions = {name: CONTENDERS[name].versions() for name in names}
    scaled = scale(chosen.rounds, chosen.seconds)
    serving = {**about(chosen), "versions": versions, "results": results}
    scaling = {**about(chosen), "results": scaled}
    SERVING.write_text(json.dumps(serving, indent=1) + "\n")
    SCALING.write_text(json.dumps(scaling, indent=1) + "\n")
    plots.draw(serving, scaling)
    for document in DOCUMENTS:
        document.write_text(report.quote(document.read_text(), report.quotations(serving, scaling)))


if __name__ == "__main__":
    main()
