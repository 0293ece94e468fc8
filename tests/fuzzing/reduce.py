"""Reduce a corpus to the files of the regression tests: `python -m tests.fuzzing.reduce TARGET FOLDER`.

A file is kept if the service goes from one line to another, or writes an error message, as for no other kept file.
"""

import hashlib
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TypeAlias

from tests.fuzzing.service import OBSERVERS
from tests.fuzzing.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
SOURCES = tuple(f"{Path(__file__).parents[2] / package}/" for package in ("app", "model"))
MAX_FILES, MAX_BYTES = 30, 64 * 1024  # of one target
Feature: TypeAlias = tuple[str, int, int] | bytes  # two lines of a file that follow each other, or an error message
NAME_LENGTH = 16  # hexadecimal digits of the SHA-256


def main(target, folder):
    """Merge a folder of inputs with libFuzzer, choose the best ones, and replace the corpus of the target."""
    with tempfile.TemporaryDirectory() as merged:
        command = [sys.executable, "-m", "tests.fuzzing.worker", target, merged, "-merge=1", "-max_len=1000000"]
        corpus = Path(merged) / "corpus"
        corpus.mkdir()
        former = [str(CORPUS / target)] if (CORPUS / target).exists() else []
        subprocess.run([*command, str(corpus), folder, *former], check=True, capture_output=True)
        inputs = [file.read_bytes() for file in corpus.iterdir()]
    sys.stdout.write(f"{target}: {len(inputs)} inputs after the merge\n")
    results = observe_all(TARGETS[target], sorted(inputs, key=lambda data: (len(data), data)))
    chosen = choose(results)
    (CORPUS / target).mkdir(parents=True, exist_ok=True)
    for file in (CORPUS / target).iterdir():
        file.unlink()
    for data in chosen:
        (CORPUS / target / name_of(data)).write_bytes(data)
    everything, kept = set().union(*results.values()), set().union(*(results[data] for data in chosen))
    shares = f"{len(kept)} of {len(everything)} steps and messages"
    sys.stdout.write(f"{target}: {len(chosen)} files, {sum(map(len, chosen))} bytes, {shares}\n")


def name_of(data):
    """Return the name of the file with an input."""
    return hashlib.sha256(data).hexdigest()[:NAME_LENGTH]


def observe_all(target, inputs):
    """Run a target, and return the steps of the service from line to line and the error messages of each input."""
    results: dict[bytes, set[Feature]] = {}
    current: set[Feature] = set()
    OBSERVERS.append(current.add)

    def trace(frame, _event, _argument):
        if not frame.f_code.co_filename.startswith(SOURCES):
            return None
        name, previous = frame.f_code.co_filename, frame.f_lineno

        def trace_lines(frame, event, _):
            nonlocal previous
            if event == "line":
                current.add((name, previous, frame.f_lineno))
                previous = frame.f_lineno
            return trace_lines

        return trace_lines

    target(b"")  # builds the parts that all inputs use
    threading.settrace(trace)
    for data in inputs:
        current.clear()
        sys.settrace(trace)
        target(data)
        sys.settrace(None)
        results[data] = set(current)
    threading.settrace(None)
    OBSERVERS.pop()
    return results


def choose(results):
    """Choose inputs one by one: each adds the most steps to the earlier ones, or the most messages if none adds steps.

    Of several such inputs, the smallest is chosen.
    """
    chosen: list[bytes] = []
    covered: set[Feature] = set()
    size = 0
    while len(chosen) < MAX_FILES:
        fitting = [data for data in results if size + len(data) <= MAX_BYTES]
        best = max(fitting, key=lambda data: gain(results[data] - covered), default=None)
        if best is None or results[best] <= covered:
            break
        chosen.append(best)
        covered |= results[best]
        size += len(best)
    return chosen


def gain(features):
    """Return the number of steps and the number of messages."""
    steps = sum(isinstance(feature, tuple) for feature in features)
    return steps, len(features) - steps


if __name__ == "__main__":
    main(*sys.argv[1:])
