"""Our service by the size of a batch and by the number of connections."""

import tempfile
from pathlib import Path

from benchmarks.serving import process, requests
from benchmarks.serving.comparison import flow
from benchmarks.serving.contenders import CONTENDERS, ROOT

SIZES = tuple(2**power for power in range(11))
CONNECTIONS = tuple(2**power for power in range(9))


def loads(images):
    """Make the loads of all three curves.

    Args:
        images: Shape (B, 64) with at least 1024 rows.
    Returns:
        Loads, by curve and abscissa.
    """
    single = CONTENDERS["ours"].load(images[0].tolist())
    return {
        **{("batch", size): requests.batch(images[:size]) for size in SIZES},
        **{("tensor", size): requests.tensor(images[:size]) for size in SIZES},
        **{("connections", count): single._replace(connections=count) for count in CONNECTIONS},
    }


def measure(images, seconds):
    """Send all loads to one server, one after the other.

    Args:
        images: Shape (B, 64) with at least 1024 rows.
        seconds: How long each lasts.
    Returns:
        Flows, by curve and abscissa.
    """
    ours, port = CONTENDERS["ours"], process.free_port()
    url, flows = f"http://127.0.0.1:{port}", {}
    with tempfile.TemporaryDirectory() as folder:
        command, environment = ours.command(port, Path(folder)), {"DIGITS_DRAIN_SECONDS": "0"}
        with process.running(command, environment, ROOT, lambda: ours.is_ready(url)) as (tree, _):
            for (curve, abscissa), each in loads(images).items():
                flows.setdefault(curve, {})[str(abscissa)] = flow(each, url, seconds, tree)._asdict()
    return flows
