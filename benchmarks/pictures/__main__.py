"""The command line of the benchmark."""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks.pictures.measure import measure
from benchmarks.pictures.report import RESULT, calibration_table, mistakes, table
from training.command_line import whole_number


def main():
    """Measure, write the result to `RESULT`, and print it."""
    parser = argparse.ArgumentParser(description="Measure how many drawn digits are classified correctly.")
    parser.add_argument("strokes", type=Path, help="file of recorded strokes, .npz")
    parser.add_argument(
        "--every",
        type=whole_number(1),
        default=6,
        help="of so many digits, measure the first in each kind of file; default: %(default)s",
    )
    options = parser.parse_args()
    result = measure(options.strokes, options.every)
    RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(f"{result['digits']} digits as clean PNG: {result['right'] * 100:.2f} % right")
    print("by digit:", *(f"{share * 100:.1f}" for share in result["right_by_digit"]))
    print(mistakes(result))
    print(f"in 28×28, white on black: {result['right_small'] * 100:.2f} % right\n")
    for name, calibration in result["calibration"].items():
        print(
            f"{name}: log-loss {calibration['log_loss']:.4f}, calibration error {calibration['calibration_error']:.4f}"
        )
    print("\n".join(calibration_table(result)), end="\n\n")
    print("\n".join(table(result)))


if __name__ == "__main__":
    main()
