"""`python -m app`: read the settings, verify the weights, bind the port, and serve.

An invalid setting, an invalid file and a taken port are each reported in one sentence, with the exit
status 1, before a request is accepted.
"""

import argparse
import gc
import os
import sys
from collections.abc import Sequence

# BLAS reads these variables when NumPy is first imported. An image of 64 pixels is too little work for two
# threads. By default BLAS starts one thread for each core of the host, even if the container has only a share
# of them.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(_variable, "1")
# Imports create many objects and hardly any garbage. Without the collector, a process starts with a tenth less CPU.
# `freeze_gc` enables it when the start is over.
if __name__ in {"__main__", "__mp_main__"}:  # the second one is the name in a worker
    gc.disable()

from pydantic import ValidationError

from app.process.keys import KeysError, load_keys
from app.process.listener import listen
from app.process.service import serve
from app.process.tls import TlsError, create_tls_context
from app.settings import Settings
from model import ArtefactError, load_artefact

FLAGS = ("host", "port", "workers", "root_path", "model_name")


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the command line; a flag overrides the environment variable of the same name.

    Returns:
        A parser with a flag for each name in `FLAGS`.
    """
    variables = ", ".join(f"DIGITS_{name.upper()}" for name in Settings.model_fields)
    parser = argparse.ArgumentParser(
        prog="python -m app",
        description="Serve the digits network over HTTP.",
        epilog=f"Every setting is an environment variable: {variables}. docs/operations.md describes them.",
    )
    for name in FLAGS:
        field = Settings.model_fields[name]
        help_text = f"{field.description} (default: {field.default!r})".replace("%", "%%")
        # The second spelling is the one of KServe, which passes `--model_name`.
        spellings = dict.fromkeys((f"--{name.replace('_', '-')}", f"--{name}"))
        parser.add_argument(*spellings, metavar="VALUE", default=argparse.SUPPRESS, help=help_text)
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the service, and end the process with the status 1 and one sentence if the service cannot start.

    Args:
        arguments: The arguments, without the name of the program; None takes those of this process.
    """
    try:
        settings = Settings(**vars(build_parser().parse_args(arguments)))
        artefact = load_artefact(settings.weights, settings.weights_sha256)
        keys = load_keys(settings)
        create_tls_context(settings)  # reports a fault; each worker creates its own
        listener = listen(settings.host, settings.port)
    except ValidationError as error:
        reasons = [(str(e["loc"][0]).upper(), e["msg"].removeprefix("Value error, ")) for e in error.errors()]
        reason = "; ".join(f"DIGITS_{name}: {message}" for name, message in reasons)
    except (ArtefactError, KeysError, TlsError) as error:
        reason = str(error)
    except OSError as error:
        cause = str(error.strerror).partition(" (while")[0]  # Python adds "(while attempting to bind …)"
        reason = f"cannot listen on {settings.host} port {settings.port}: {cause}"
    else:
        serve(artefact, settings, keys, listener)
        return
    sys.exit(f"digits cannot start: {reason}")


if __name__ == "__main__":
    main()
