"""Measure the constants of the capacity model and check it, or compute how many cores a load needs.

`python -m benchmarks.capacity measure` writes the results and `docs/scaling.md`. `python -m benchmarks.capacity plan`
answers from the committed results, or from those that `measure` has written.
"""

import argparse
import json
import math
import os
import platform
import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks.capacity import checks, report
from benchmarks.capacity.constants import measure_constants
from benchmarks.capacity.kinds import KINDS, LARGE_BATCH, cost_of
from benchmarks.capacity.plan import Spread
from benchmarks.serving.contenders import ROOT
from benchmarks.serving.report import insert_quotations
from benchmarks.training import processor_name
from training.command_line import whole_number
from training.data import load_split

DOCUMENT = ROOT / "docs" / "scaling.md"
CONNECTIONS = 100
SECONDS = 1  # of each load that measures a constant


def measure(seconds):
    """Measure the constants before, between and after the checks, because the speed of a virtual machine varies.

    Args:
        seconds: The duration of each load that measures a constant.
    Returns:
        The results.
    """
    images = load_split().training.pixels
    constants = [measure_constants(images, _address, seconds)]
    measured = []
    for workers in (1, 2):
        for case in checks.CASES:
            rate = cost_of(constants, case.kind, case.rows).saturation_rate
            for check in checks.measure_case(case, workers, images, _address, rate):
                measured.append(check)
                name, limit = report.load_name(case.kind, case.rows), check["limit_seconds"] * 1e3
                print(f"{check['rate']:8,.0f} {name} a second, p99 {limit:g} ms, workers: {workers}", flush=True)
        constants.append(measure_constants(images, _address, seconds))
    return {
        "command": "make capacity",
        "machine": processor_name(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "date": time.strftime("%Y-%m-%d"),
        "constants": constants,
        "checks": measured,
    }


def _require_machine():
    """Exit with an error message if this machine lacks taskset, /proc of Linux, or a second core."""
    if shutil.which("taskset") is None or not Path("/proc/self/stat").exists():
        raise SystemExit("taskset and /proc of Linux are needed: apt-get install util-linux")
    if (os.cpu_count() or 1) < checks.CORES:
        raise SystemExit("Two cores are needed, one for the service and one for the load generator.")


def _address(url):
    """Return the host and port of a URL."""
    parts = urlsplit(url)
    return parts.hostname, parts.port


def _positive_number(text):
    """Parse a finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError("must be a number above 0")
    return number


def _create_parser():
    """Create the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    measurement = commands.add_parser(
        "measure", help="measure, and write the results and docs/scaling.md (eleven minutes)"
    )
    measurement.add_argument(
        "--seconds", type=whole_number(1), default=SECONDS, help="of each load of a constant; default: %(default)s"
    )
    kinds = "; ".join(f"{kind}: {meaning.replace('`', '')}" for kind, meaning in KINDS.items())
    question = commands.add_parser("plan", help="compute how many cores a load needs", epilog=f"Kinds: {kinds}.")
    question.add_argument(
        "--kind", action="append", choices=[*KINDS], required=True, help="kind of request; repeat it for a mix"
    )
    question.add_argument(
        "--rate", action="append", type=_positive_number, required=True, help="requests a second; one for each --kind"
    )
    question.add_argument(
        "--p99", type=_positive_number, required=True, metavar="MS", help="limit of the 99th percentile in milliseconds"
    )
    question.add_argument(
        "--rows", type=whole_number(1, LARGE_BATCH), default=LARGE_BATCH, help="images of a batch; default: %(default)s"
    )
    question.add_argument(
        "--connections",
        type=whole_number(1),
        default=CONNECTIONS,
        help="connections that send equally many requests; default: %(default)s",
    )
    question.add_argument(
        "--unevenness",
        type=_positive_number,
        default=1.0,
        help="excess of the busiest worker's share, relative to connections that go to random workers; default: 1",
    )
    return parser


def main(arguments=None):
    """Measure, or answer a question.

    Args:
        arguments: The arguments of the command line; by default those of the process.
    """
    parser = _create_parser()
    options = parser.parse_args(arguments)
    if options.command == "measure":
        _require_machine()
        results = measure(options.seconds)
        report.RESULT.write_text(json.dumps(results, indent=1) + "\n")
        DOCUMENT.write_text(insert_quotations(DOCUMENT.read_text(), report.quotations(results)))
        print("", *report.checks_table(results), "", *report.checks_sentence(results), sep="\n")
        return
    if len(options.kind) != len(options.rate):
        parser.error("give one --rate for each --kind")
    requests, limit = list(zip(options.kind, options.rate, strict=True)), options.p99 / 1e3
    spread = Spread(options.connections, options.unevenness)
    results = json.loads(report.RESULT.read_text())
    try:
        print(*report.answer(results, requests, limit, options.rows, spread), sep="\n")
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
