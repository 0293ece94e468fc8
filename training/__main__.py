"""The command line: `python -m training COMMAND`; `--help` lists the commands."""

import argparse
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path

# BLAS reads these when NumPy is first imported. One thread gives the same bytes every time, and
# matrices this small gain nothing from a second.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(_variable, "1")

from model import ArtefactError
from training import commands, trial
from training.data import DataError

RELEASED = Path(__file__).parents[1] / "model" / "digits.npz"
REPORT = Path(__file__).parent / "report"
FOLDS = REPORT / "cross_validation.npz"


def parser() -> argparse.ArgumentParser:
    """Describe the commands.

    Returns:
        A parser whose result names the function to call as `command`.
    """
    root = argparse.ArgumentParser(prog="python -m training", description="Train and examine the network.")
    verbs = root.add_subparsers(required=True, metavar="COMMAND")

    train = verbs.add_parser("train", help="train the released network and write its file")
    train.add_argument(
        "--seed", type=whole(0), default=0, help="decides everything random (default: %(default)s)"
    )
    train.add_argument("--out", type=Path, default=RELEASED, help="the file to write (default: %(default)s)")
    train.add_argument("--epochs", type=whole(1), help="train shorter or longer than the recipe says")
    train.set_defaults(command=lambda chosen: commands.train(chosen.out, chosen.seed, chosen.epochs))

    evaluate = verbs.add_parser("evaluate", help="score a file of weights on the held-out rows, or on yours")
    evaluate.add_argument("file", type=Path, nargs="?", default=RELEASED, help="default: %(default)s")
    evaluate.add_argument(
        "--data", type=Path, metavar="CSV", help="64 pixels and a label a line, as UCI has them"
    )
    evaluate.set_defaults(command=lambda chosen: commands.evaluate(chosen.file, chosen.data))

    report = verbs.add_parser("report", help="write the model card and its pictures")
    report.add_argument("file", type=Path, nargs="?", default=RELEASED, help="default: %(default)s")
    report.add_argument("--out", type=Path, default=REPORT, help="the folder to write (default: %(default)s)")
    report.add_argument(
        "--folds", type=Path, default=FOLDS, help="from cross-validate (default: %(default)s)"
    )
    report.set_defaults(command=lambda chosen: commands.make_report(chosen.file, chosen.folds, chosen.out))

    validate = verbs.add_parser("cross-validate", help="score the recipe inside the training rows")
    validate.add_argument("--out", type=Path, default=FOLDS, help="the file to write (default: %(default)s)")
    validate.add_argument("--folds", type=whole(2, 14), default=7, help="2 to 14 (default: %(default)s)")
    validate.add_argument("--seed", type=whole(0), default=0, help="default: %(default)s")
    validate.add_argument("--epochs", type=whole(1), help="train shorter or longer than the recipe says")
    validate.set_defaults(
        command=lambda chosen: commands.cross_validate(chosen.out, chosen.folds, chosen.seed, chosen.epochs)
    )

    release = verbs.add_parser("check-release", help="train again and compare with a file")
    release.add_argument("file", type=Path, nargs="?", default=RELEASED, help="default: %(default)s")
    release.set_defaults(command=lambda chosen: commands.check_release(chosen.file))

    gradients = verbs.add_parser("gradients", help="check both gradients by finite differences")
    gradients.set_defaults(command=lambda _: trial.check_gradients())

    notebook = verbs.add_parser("notebook", help="reproduce the notebook and price its three faults")
    notebook.set_defaults(command=lambda _: trial.reproduce())
    return root


def whole(low: int, high: float = math.inf) -> Callable[[str], int]:
    """Make a parser of whole numbers within bounds.

    Args:
        low: The smallest that is allowed.
        high: The largest.
    Returns:
        What argparse calls with the text.
    """

    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            upper = "" if high == math.inf else f", at most {high}"
            raise argparse.ArgumentTypeError(f"must be a whole number, at least {low}{upper}")
        return int(text)

    return parse


def main() -> int:
    """Run one command.

    Returns:
        The exit status: 0 if all is well, 1 if a check failed, 130 after Ctrl-C.
    """
    chosen = parser().parse_args()
    try:
        return int(chosen.command(chosen))
    except (ArtefactError, DataError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; no file was changed", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
