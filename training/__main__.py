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
from training import commands, crossval, trial
from training.data import DataError

RELEASED = Path(__file__).parents[1] / "model" / "digits.npz"
REPORT = Path(__file__).parent / "report"
VALIDATION = REPORT / "cross_validation.npz"


def parser() -> argparse.ArgumentParser:
    """Describe the commands.

    Returns:
        A parser whose result has the function to call as `command`, and its arguments by name.
    """
    root = argparse.ArgumentParser(prog="python -m training", description="Train and examine the network.")
    verbs = root.add_subparsers(required=True, metavar="COMMAND")

    def verb(name: str, text: str, command: Callable[..., int]) -> argparse.ArgumentParser:
        found = verbs.add_parser(name, help=text, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        found.set_defaults(command=command)
        return found

    train = verb("train", "train the released network and write its file", commands.train)
    evaluate = verb("evaluate", "score a file of weights on held-out rows or yours", commands.evaluate)
    report = verb("report", "write the model card and its pictures", commands.make_report)
    validate = verb("cross-validate", "score the recipe inside the training rows", commands.cross_validate)
    release = verb("check-release", "train again and compare with a file", commands.check_release)
    verb("gradients", "check both gradients by finite differences", trial.check_gradients)
    verb("notebook", "reproduce the notebook and price its three faults", trial.reproduce)

    for one in (evaluate, report, release):
        one.add_argument("file", type=Path, nargs="?", default=RELEASED, help="a file of weights")
    for one in (train, validate):
        one.add_argument("--seed", type=whole(0), default=0, help="decides everything random")
        one.add_argument("--epochs", type=whole(1), help="train shorter or longer than the recipe says")
    for one, default in ((train, RELEASED), (report, REPORT), (validate, VALIDATION)):
        one.add_argument("--out", type=Path, default=default, help="what to write")
    evaluate.add_argument("--data", type=Path, metavar="CSV", help="64 pixels and a label a line, as UCI has")
    report.add_argument("--validation", type=Path, default=VALIDATION, help="what cross-validate wrote")
    validate.add_argument("--folds", type=whole(2, 14), default=crossval.FOLDS, help="2 to 14")
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
    options = vars(parser().parse_args())
    command = options.pop("command")
    try:
        return int(command(**options))
    except (ArtefactError, DataError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
