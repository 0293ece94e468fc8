"""Measure what faulty and hostile clients, stops, reloads and kills do to the service and its clients.

`python -m benchmarks.faults` sends all loads and then causes all events. It prints a table of each, and writes no file.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks.faults.event import Plan
from benchmarks.faults.event_table import event_conditions, event_table
from benchmarks.faults.events import EVENTS, STOP_REQUESTS
from benchmarks.faults.loads import LOADS
from benchmarks.faults.measure import measure
from benchmarks.faults.table import conditions, fault_table
from benchmarks.serving.contenders import ROOT
from benchmarks.serving.wrk import CLIENT_CORE, require_wrk
from training.data import load_split

SECONDS = 8


def parse_options(arguments=None):
    """Parse the command line.

    Args:
        arguments: The arguments; None for those of this process.
    Returns:
        The options. `loads` and `events` are lists of names.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for kind, names in {"loads": LOADS, "events": EVENTS}.items():
        parser.add_argument(
            f"--{kind}",
            nargs="*",
            choices=list(names),
            metavar="NAME",
            help=f"only these {kind}, or all {kind} without a name: {', '.join(names)}; default: all loads and events",
        )
    parser.add_argument(
        "--seconds",
        type=int,
        choices=range(1, 61),
        default=SECONDS,
        metavar="N",
        help="duration of each load; default: %(default)s",
    )
    parser.add_argument(
        "--requests",
        type=int,
        default=STOP_REQUESTS,
        metavar="N",
        help="stops by SIGTERM are repeated until this number of requests was sent; default: %(default)s",
    )
    parser.add_argument(
        "--checkout", type=Path, default=ROOT, help="folder whose service is measured; default: this checkout"
    )
    options = parser.parse_args(arguments)
    is_everything = options.loads is None and options.events is None
    for kind, names in {"loads": LOADS, "events": EVENTS}.items():
        chosen = getattr(options, kind)
        setattr(options, kind, list(names) if is_everything or chosen == [] else chosen or [])
    return options


def main():
    """Measure the chosen loads and events, and print a table of each."""
    options = parse_options()
    require_wrk()
    os.sched_setaffinity(0, {int(CLIENT_CORE)})  # of this process and of the clients; the server has another core
    images, folder = load_split().training.pixels, options.checkout.resolve()
    loads, events = {}, {}
    for name in options.loads:
        loads[name] = measure(LOADS[name], images, options.seconds, folder)
        print(f"{name} is measured", flush=True)
    for name in options.events:
        events[name] = EVENTS[name].measure(Plan(folder, images, options.requests))
        print(f"{name} is measured", flush=True)
    if loads:
        print("", conditions(options.seconds), "", *fault_table(loads), sep="\n")
    if events:
        print("", event_conditions(), "", *event_table(events), sep="\n")


if __name__ == "__main__":
    main()
