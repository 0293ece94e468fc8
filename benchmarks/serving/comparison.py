"""The comparison: everyone in turn, several times, each time started anew."""

import tempfile
from pathlib import Path

from benchmarks.serving import load, probe, process
from benchmarks.serving.contenders import PORTS, ROOT

CHECKED_IMAGES = 20
WARM_UP_SECONDS = 1


def measure(contender, split, network, seconds, further):
    """Start a server, see that it is right, load it, and stop it.

    Args:
        contender: Who is measured.
        split: Of the images; training rows are what it is asked.
        network: What knows the right answers.
        seconds: How long each load lasts.
        further: Loads beyond that of single images, by name.
    Returns:
        Seconds until it was ready, the processes and memory that it had after the images, its flow, the flows
        of further loads, its memory afterwards, and its habits.
    """
    images = split.training.pixels[:CHECKED_IMAGES]
    port = process.free_port(PORTS)
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        command = contender.command(port, Path(folder))
        environment = {"PYTHONPATH": str(ROOT), "DIGITS_DRAIN_SECONDS": "0"}
        with process.running(command, environment, ROOT, lambda: contender.is_ready(url)) as (tree, ready):
            probe.require_right_answers(contender, url, images, network.probabilities(images))
            measured = {"ready_seconds": ready, "processes": len(tree.pids()), **tree.memory()}
            measured |= flow(contender.load(images[0].tolist()), url, seconds, tree)._asdict()
            further = {name: flow(each, url, seconds, tree)._asdict() for name, each in further.items()}
            afterwards = tree.memory()["rss_bytes"]
            habits = probe.habits(contender, url)
            return {**measured, "further": further, "rss_bytes_afterwards": afterwards, "habits": habits}


def flow(each, url, seconds, tree):
    """Warm a server up with a load, and then measure that.

    Args:
        each: The load.
        url: Of the server.
        seconds: How long.
        tree: Its processes.
    Returns:
        The flow.
    """
    load.send(each, url, WARM_UP_SECONDS, tree)
    return load.send(each, url, seconds, tree)
