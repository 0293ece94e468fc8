"""`python -m app`: read the settings, verify the weights, take the port, serve.

Whatever is wrong at this point ends in one sentence and status 1, before a request is accepted.
"""

import argparse
import os
import sys

# BLAS reads these when NumPy is first imported. A row of 64 pixels is no work for two threads, and
# BLAS would start as many as the host has cores, whatever share of them the container has.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(_variable, "1")

from pydantic import ValidationError

from app.server import listen, serve
from app.settings import Settings
from model import ArtefactError, load_artefact

FLAGS = ("host", "port", "workers", "root_path")


def parser() -> argparse.ArgumentParser:
    """Describe the command line; a flag overrides the environment variable of its name.

    Returns:
        A parser with a flag for each of `FLAGS`.
    """
    root = argparse.ArgumentParser(
        prog="python -m app",
        description="Serve the digits network over HTTP.",
        epilog="Every setting is an environment variable: "
        + ", ".join(f"DIGITS_{name.upper()}" for name in Settings.model_fields)
        + ". docs/operations.md describes them.",
    )
    for name in FLAGS:
        field = Settings.model_fields[name]
        text = f"{field.description} (default: {field.default!r})".replace("%", "%%")
        root.add_argument(
            f"--{name.replace('_', '-')}", metavar="VALUE", default=argparse.SUPPRESS, help=text
        )
    return root


def main() -> int:
    """Start the service.

    Returns:
        The exit status: 0 after an orderly stop, 1 if it could not start.
    """
    flags = vars(parser().parse_args())
    try:
        settings = Settings(**flags)
        artefact = load_artefact(settings.weights, settings.weights_sha256)
        listener = listen(settings.host, settings.port)
    except ValidationError as error:
        return refuse("; ".join(f"DIGITS_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()))
    except ArtefactError as error:
        return refuse(str(error))
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]  # the rest repeats the address
        return refuse(f"cannot listen on {settings.host} port {settings.port}: {reason}")
    serve(artefact, settings, listener)
    return 0


def refuse(reason: str) -> int:
    """Say why the service cannot start.

    Args:
        reason: One sentence.
    Returns:
        The exit status for it.
    """
    print(f"digits cannot start: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
