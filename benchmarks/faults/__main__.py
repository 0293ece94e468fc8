"""Measure what faulty and hostile clients do to the service and to the clients beside them, and print one table.

`python -m benchmarks.faults` sends all loads in succession. It writes no file.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks.faults.loads import LOADS
from benchmarks.faults.measure import measure
from benchmarks.faults.table import conditions, fault_table
from benchmarks.serving.contenders import ROOT
from benchmarks.serving.wrk import CLIENT_CORE, require_wrk
from training.data import load_split

SECONDS = 8


def _parse_options():
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loads", nargs="+", choices=list(LOADS), default=list(LOADS), help="default: all")
    parser.add_argument(
        "--seconds",
        type=int,
        choices=range(1, 61),
        default=SECONDS,
        metavar="N",
        help="duration of each load; default: %(default)s",
    )
    parser.add_argument(
        "--checkout", type=Path, default=ROOT, help="folder whose service is measured; default: this checkout"
    )
    return parser.parse_args()


def main():
    """Measure the chosen loads, and print the table."""
    options = _parse_options()
    require_wrk()
    os.sched_setaffinity(0, {int(CLIENT_CORE)})  # of this process and of the good clients; the server has another core
    images, measurements = load_split().training.pixels, {}
    for name in options.loads:
        measurements[name] = measure(LOADS[name], images, options.seconds, options.checkout.resolve())
        print(f"{name} is measured", flush=True)
    print("", conditions(options.seconds), "", *fault_table(measurements), sep="\n")


if __name__ == "__main__":
    main()
