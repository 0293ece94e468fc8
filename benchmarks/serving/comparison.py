"""Measurement of one contender: each call starts its server anew."""

import tempfile
from contextlib import contextmanager
from pathlib import Path

from benchmarks.serving import probe, process, wrk
from benchmarks.serving.contenders import PORTS_PER_SERVER

CHECKED_IMAGES = 20
WARM_UP_SECONDS = 1


def measure(contender, split, network, seconds, additional_loads):
    """Start a server, check its answers, measure it under load, and stop it.

    Args:
        contender: The contender to measure.
        split: The data set; the requests hold images of its training rows.
        network: The network that computes the expected probabilities.
        seconds: The duration of each load.
        additional_loads: By name, the loads to send after the load of single images.
    Returns:
        The seconds until the server was ready; the number of its processes and their memory after the
        checked images; the result of the load of single images; the results of the additional loads, by
        name; the memory after all loads; and the observed behaviour.
    """
    images = split.training.pixels[:CHECKED_IMAGES]
    with running_contender(contender) as (url, processes, ready_seconds):
        probe.require_correct_answers(contender, url, images, network.probabilities(images))
        return {  # with the names that the committed results use
            "ready_seconds": ready_seconds,
            "processes": len(processes.pids()),
            **processes.memory(),
            **measure_load(contender.single_image_load(images[0].tolist()), url, seconds, processes),
            "further": {name: measure_load(load, url, seconds, processes) for name, load in additional_loads.items()},
            "rss_bytes_afterwards": processes.memory()["rss_bytes"],
            "habits": probe.observe_behaviour(contender, url),
        }


@contextmanager
def running_contender(contender):
    """Run a contender's server until the end of the `with` block.

    Args:
        contender: The contender to run.
    Yields:
        The server's URL, its `ProcessTree`, and the seconds from its start until it was ready.
    Raises:
        RuntimeError: The server ended or was not ready in time.
    """
    port = process.free_port(PORTS_PER_SERVER)
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        command = contender.command(port, Path(folder))
        environment = {**contender.environment, "PYTHONPATH": str(contender.folder)}
        server = process.running_server(command, environment, contender.folder, lambda: contender.is_ready(url))
        with server as (processes, ready_seconds):
            yield url, processes, ready_seconds


def measure_load(load, url, seconds, processes):
    """Send a load to a server, first to warm it up and then to measure it.

    Args:
        load: The load.
        url: The server's URL.
        seconds: The duration of the measurement.
        processes: The server's `ProcessTree`.
    Returns:
        The fields of the `LoadResult`, by name.
    """
    wrk.send(load, url, WARM_UP_SECONDS, processes)
    return wrk.send(load, url, seconds, processes)._asdict()
