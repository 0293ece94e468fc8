"""The process that fuzzes one target: `python -m tests.fuzzing.worker TARGET FOLDER LIBFUZZER-OPTION …`.

It needs atheris. It writes the slowest input to the folder, and libFuzzer writes crashes there.
"""

import logging
import sys
import time
import zlib
from importlib import import_module
from pathlib import Path
from types import FunctionType

import atheris

INSTRUMENTED = ("app", "model", "PIL", "python_multipart", "starlette", "zipfile")
NUMPY_PARSER = ("_read_array_header", "_check_version", "_read_bytes", "read_array", "descr_to_dtype")
# atheris 3.0.0 never frees the result of an instrumented comparison. The result for two arrays is an array, so the
# comparisons of these modules are not instrumented; their branches are.
ARRAY_MODULES = (
    *(f"model.picture.{file.stem}" for file in (Path(__file__).parents[2] / "model" / "picture").glob("[a-z]*.py")),
    *("model.mlp", "app.api.images", "app.http.json_body", "app.oip.codec.json_data"),
)
MESSAGES = 512  # counters for the messages of errors; two messages may share a counter
STEP = 1.1  # a new slowest input is this much slower than the former one


def main(name, folder, *options):
    """Fuzz a target until libFuzzer ends the process."""
    sys.modules.pop("zipfile", None)
    with atheris.instrument_imports(include=INSTRUMENTED, exclude=ARRAY_MODULES):
        target = import_module("tests.fuzzing.targets").TARGETS[name]
    for module in ARRAY_MODULES:
        _instrument_branches(import_module(module))
    for function in NUMPY_PARSER:
        atheris.instrument_func(getattr(import_module("numpy.lib._format_impl"), function))
    _count_messages(import_module("tests.fuzzing.service").OBSERVERS)
    for logger in import_module("app.observability.logs").NOISY_LOGGERS:
        logging.getLogger(logger).setLevel(logging.ERROR)
    folder, slowest = Path(folder), 0.0

    def run(data):
        nonlocal slowest
        started = time.process_time()
        target(data)
        seconds = time.process_time() - started
        if seconds > slowest * STEP:
            slowest = seconds
            (folder / "slowest").write_bytes(data)

    target(b"")  # builds the parts that all inputs use
    command = f"{sys.executable} -m tests.fuzzing.worker {name} {folder}"  # libFuzzer runs it again for a merge
    atheris.Setup([command, *options], run, custom_mutator=_mutate)
    atheris.Fuzz()


def _mutate(data, max_size, seed):
    """Change the JSON of every other input; all other inputs are changed by libFuzzer."""
    changed = import_module("tests.fuzzing.mutators").mutate_json(data, seed) if seed % 2 else None
    return changed if changed is not None and len(changed) <= max_size else atheris.Mutate(data, max_size)


def _instrument_branches(module):
    """Instrument the branches of all functions of a module."""
    for function in vars(module).values():
        if isinstance(function, FunctionType) and function.__module__ == module.__name__:
            function.__code__ = atheris.patch_code(function.__code__, trace_dataflow=False)


def _count_messages(observers):
    """Give the fuzzer a counter for each message of an error: a copy of an instrumented function."""

    def count():
        return None

    counters = [atheris.instrument_func(FunctionType(count.__code__, {})) for _ in range(MESSAGES)]
    observers.append(lambda message: counters[zlib.crc32(message) % MESSAGES]())


if __name__ == "__main__":
    main(*sys.argv[1:])
