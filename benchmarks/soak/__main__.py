"""Run the service for some minutes under a mixed load, with reloads and kills; print a table and draw a plot.

The exit status is 1 if an answer was unexpected, if memory or descriptors grew by more than a bound, if a counter
shrank, or if the service did not stop properly.
"""

import argparse
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks.serving.contenders import ROOT, WEIGHTS
from benchmarks.serving.wrk import CLIENT_CORE, require_wrk
from benchmarks.soak.clients import clients_process
from benchmarks.soak.course import Course
from benchmarks.soak.plot import plot_course
from benchmarks.soak.requests import build_requests
from benchmarks.soak.service import running_service
from benchmarks.soak.table import conditions, head, row, stop_sentence
from benchmarks.soak.verdict import failures
from model import load_artefact
from training.data import load_split
from training.reporting.style import save_svg

MINUTES = 10
PLOT = Path(tempfile.gettempdir()) / "soak.svg"
LOGGED_LINES = 20  # of the log of a test that fails


def _parse_options():
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--minutes",
        type=int,
        choices=range(1, 1441),
        default=MINUTES,
        metavar="N",
        help="duration; below 3, the growth is not judged; default: %(default)s",
    )
    parser.add_argument("--plot", type=Path, default=PLOT, help="SVG file to write; default: %(default)s")
    parser.add_argument(
        "--checkout", type=Path, default=ROOT, help="folder whose service is tested; default: this checkout"
    )
    return parser.parse_args()


def _run(course):
    """Run a course, and print the table as it grows."""
    course.measure_capacity()
    print(conditions(course.capacity), "", head(), sep="\n", flush=True)
    for number, minute in enumerate(course.run(), 1):
        print(row(number, minute), flush=True)
    course.stop_under_load()
    print("", stop_sentence(course), sep="\n")


def main():
    """Run the test, and exit with one sentence if it fails."""
    options = _parse_options()
    require_wrk()
    os.sched_setaffinity(0, {int(CLIENT_CORE)})  # of this process and of the clients; the service has another core
    requests = build_requests(load_split().training.pixels, load_artefact(WEIGHTS).network)
    with running_service(options.checkout.resolve()) as service:
        with clients_process(service.address, requests) as pipe:
            course = Course(service, pipe, options.minutes)
            try:
                _run(course)
                reasons = failures(course)
            except (EOFError, RuntimeError) as error:
                reasons = [str(error) or "the clients ended by themselves"]
        if course.minutes:
            save_svg(plot_course(course), options.plot)
            print(f"The plot is in {options.plot}.")
        if reasons:
            print("The end of the log:", *service.read_log()[-LOGGED_LINES:], sep="\n")
            raise SystemExit(f"The soak test failed: {'; '.join(reasons)}.")
        print("The soak test passed.")


if __name__ == "__main__":
    main()
