"""The command line of the training: its commands and their arguments."""

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from model import ArtefactError
from training import commands, crossval
from training.data import DataError

WEIGHTS_FILE = Path(__file__).parents[1] / "model" / "digits.npz"
REPORT_FOLDER = Path(__file__).parent / "report"
VALIDATION_FILE = REPORT_FOLDER / "cross_validation.npz"


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the command line.

    Returns:
        A parser. In its namespace, `command` is the function to call, and all other attributes are arguments of
        that function.
    """
    parser = argparse.ArgumentParser(prog="python -m training", description="Train and examine the network.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    def add_command(name: str, text: str, command: Callable[..., int | None]) -> argparse.ArgumentParser:
        subparser = subparsers.add_parser(name, help=text, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        subparser.set_defaults(command=command)
        return subparser

    train = add_command("train", "train the released network and write its file", commands.train)
    evaluate = add_command("evaluate", "score a file of weights on held-out rows or on a CSV file", commands.evaluate)
    report = add_command("report", "write the model card and its figures", commands.report)
    validate = add_command("cross-validate", "score the recipe on training rows", commands.cross_validate)
    check = add_command("check-release", "train again and compare with a file", commands.check_release)
    add_command("gradients", "check our gradient and the notebook's by finite differences", commands.check_gradients)
    add_command("notebook", "repeat the notebook and measure its faults", commands.reproduce_notebook)

    for subparser in (evaluate, report, check):
        subparser.add_argument("file", type=Path, nargs="?", default=WEIGHTS_FILE, help="file of weights")
    for subparser in (train, validate):
        subparser.add_argument("--seed", type=whole_number(0), default=0, help="seed of all randomness")
    for subparser in (train, validate, check):
        subparser.add_argument("--epochs", type=whole_number(1), help="epochs, instead of the recipe's")
        subparser.add_argument("--digits", type=whole_number(1), help="synthetic digits, instead of the recipe's")
    for subparser, default in ((train, WEIGHTS_FILE), (report, REPORT_FOLDER), (validate, VALIDATION_FILE)):
        subparser.add_argument("--out", type=Path, default=default, help="where to write")
    evaluate.add_argument("--data", type=Path, metavar="CSV", help="rows of 64 pixels and a label, as in UCI")
    report.add_argument("--validation", type=Path, default=VALIDATION_FILE, help="output of cross-validate")
    validate.add_argument("--folds", type=whole_number(2, 14), default=crossval.FOLDS, help="2 to 14")
    return parser


def whole_number(low: int, high: float = math.inf) -> Callable[[str], int]:
    """Make an argparse type that accepts the whole numbers of a range.

    Args:
        low: Smallest allowed number, at least 0.
        high: Largest allowed number.
    Returns:
        A function that parses the text of an argument.
    """

    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            upper = "" if high == math.inf else f", at most {high}"
            raise argparse.ArgumentTypeError(f"must be a whole number, at least {low}{upper}")
        return int(text)

    return parse


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the command line names.

    Args:
        arguments: The arguments, without the name of the program; None takes those of this process.
    Returns:
        The exit status: 0 after success, 1 if the command or its check failed, 130 after Ctrl-C.
    """
    options = vars(build_parser().parse_args(arguments))
    command = options.pop("command")
    try:
        return command(**options) or 0
    except (ArtefactError, DataError, OSError, BrokenProcessPool) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
