"""The command line of the simulator."""

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks.photos.circumstances import CIRCUMSTANCES
from benchmarks.photos.measure import measure
from benchmarks.photos.report import HEAD, RESULT, table_row
from benchmarks.pictures.measure import WEIGHTS
from model import load_artefact
from training.command_line import whole_number


def main():
    """Measure each circumstance, print the table, and write the result to `RESULT`."""
    parser = argparse.ArgumentParser(description="Measure how many digits are right in simulated photos.")
    parser.add_argument("--count", type=whole_number(1), default=200, help="digits for each row; default: %(default)s")
    parser.add_argument("--seed", type=whole_number(0), default=1_000_000, help="default: %(default)s")
    parser.add_argument("--only", default="", help="measure only the rows with this text, and write no result")
    options = parser.parse_args()
    rows = {}
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as processes:
        names = [name for name in CIRCUMSTANCES if options.only in name]
        futures = {name: processes.submit(measure, name, options.count, options.seed) for name in names}
        print(*HEAD, sep="\n")
        for name, future in futures.items():
            rows[name] = future.result()
            print(table_row(name, rows[name]), flush=True)
    if not options.only:
        settings = {"weights": load_artefact(WEIGHTS).sha256, "count": options.count, "seed": options.seed}
        RESULT.write_text(json.dumps({**settings, "circumstances": rows}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
