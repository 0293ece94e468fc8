"""Fuzz the parsers of untrusted input: `python -m tests.fuzzing TARGET --minutes 10`; atheris must be installed."""

import argparse
import logging
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from training.environment import ONE_THREAD

os.environ.update(ONE_THREAD)  # BLAS reads them when NumPy is first imported

from app.observability.logs import NOISY_LOGGERS
from tests.fuzzing.reduce import CORPUS
from tests.fuzzing.replay import MAX_SECONDS, replay, resident_memory
from tests.fuzzing.seeds import MAX_SEED_BYTES, make_seeds
from tests.fuzzing.words import WORDS

MEMORY_LIMIT_MIB = 1024
HANG_SECONDS = 20  # of the instrumented target; the slowest input is timed again without instrumentation
ROUNDS = 5  # of the replay without instrumentation
MAX_GROWTH_MIB = 16  # of the memory, from the first of these rounds to the last
LAST_LINES = 30  # of the log, printed if the process fails


def build_parser():
    """Build the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("target", choices=[*WORDS, "all"], help="parser to fuzz")
    parser.add_argument("--minutes", type=float, default=10.0, help="time for each target (default: 10)")
    parser.add_argument("--corpus", type=Path, help="folder that keeps the inputs (default: a temporary folder)")
    return parser


def main():
    """Fuzz the targets one after the other; the status is 1 if an input breaks a property."""
    for logger in NOISY_LOGGERS:
        logging.getLogger(logger).setLevel(logging.ERROR)
    arguments = build_parser().parse_args()
    folder = arguments.corpus or Path(tempfile.mkdtemp(prefix="digits-fuzzing-"))
    targets = WORDS if arguments.target == "all" else [arguments.target]
    results = [fuzz(target, folder / target, arguments.minutes * 60) for target in targets]
    sys.exit(not all(results))


def fuzz(target, folder, seconds):
    """Fuzz one target, and print a line with the result.

    Args:
        target: Name of the target.
        folder: Folder for the corpus, the crashes and the log.
        seconds: Time limit.
    Returns:
        True if no input breaks a property.
    """
    corpus, crashes, log = folder / "corpus", folder / "crashes", folder / "log"
    for each in (corpus, crashes):
        each.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(make_seeds(target)):
        (corpus / f"seed-{number:03}").write_bytes(seed)
    words = ["".join(f"\\x{byte:02x}" for byte in token) for token in WORDS[target]]
    (folder / "words").write_text("\n".join(f'"{word}"' for word in words))
    options = (f"-artifact_prefix={crashes}/", f"-dict={folder / 'words'}", f"-max_len={MAX_SEED_BYTES}")
    limits = (f"-max_total_time={seconds:.0f}", f"-timeout={HANG_SECONDS}", f"-rss_limit_mb={MEMORY_LIMIT_MIB}")
    command = [sys.executable, "-m", "tests.fuzzing.worker", target, str(folder), *options, *limits]
    print(f"{target}: fuzzing for {seconds:.0f} s; log, corpus and crashes are in {folder}", flush=True)
    with log.open("w") as output:
        folders = [each for each in (corpus, CORPUS / target) if each.exists()]
        command += ["-print_final_stats=1", "-len_control=0", *map(str, folders)]
        process = subprocess.Popen(command, stdout=output, stderr=output)
        memory = observe_memory(process)
    found = sorted(crashes.iterdir())
    print(describe(target, log.read_text(errors="replace"), memory, found), flush=True)
    if process.returncode or found:
        print("\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:]))
        return False
    result = replay(target, [*sorted(corpus.iterdir()), folder / "slowest"], ROUNDS)
    print(
        f"{target}: without instrumentation, {result.files} inputs took at most {result.seconds:.3f} s of the "
        f"processor ({result.slowest.name}); memory after each round {[round(each) for each in result.memory]} MiB"
    )
    return result.seconds <= MAX_SECONDS and result.memory[-1] - result.memory[0] <= MAX_GROWTH_MIB


def observe_memory(process):
    """Wait for the end of a process, and return its resident memory in MiB, once a second."""
    memory, started = [], time.monotonic()
    while process.poll() is None:
        try:
            process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            memory.append((time.monotonic() - started, resident_memory(process.pid)))
    return memory


def describe(target, log, memory, found):
    """Describe the result of a target in one line."""
    progress = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)/(\S+)", log)
    statistics = dict(re.findall(r"stat::(\w+):\s+(\d+)", log))
    edges, features, inputs, size = progress[-1] if progress else ("0",) * 4
    executed, seconds = statistics.get("number_of_executed_units", "?"), memory[-1][0] if memory else 0
    start = "".join(re.findall(r"INITED.* rss: (\d+)Mb", log)) or "?"
    values = [value for _, value in memory if value]
    return (
        f"{target}: {executed} inputs in {seconds:.0f} s, {edges} edges, {features} features, "
        f"corpus of {inputs} inputs ({size}), memory {start} MiB after the seeds, {max(values, default=0):.0f} MiB "
        f"at most, {(values or [0])[-1]:.0f} MiB at the end, {len(found)} findings {[file.name for file in found]}"
    )


if __name__ == "__main__":
    main()
