"""The quick benchmark: interleaved rounds of all cases, of the checkout and of an earlier revision."""

import importlib.util
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import urlsplit

from benchmarks.serving import probe, revisions, wrk
from benchmarks.serving.comparison import CHECKED_IMAGES, running_contender
from benchmarks.serving.contenders import ROOT, WEIGHTS
from benchmarks.serving.quick_cases import SERVERS, QuickServer
from model import load_artefact
from training.data import load_split

# Without any warm-up, the first second of a load costs as much as the next ones, so a short warm-up is enough.
WARM_UP_SECONDS = 0.2
NO_RELEASE = "The git history has no earlier release, so the comparison with one is left out."


class Costs(NamedTuple):
    """The CPU of a request in microseconds, by case.

    Args:
        now: The costs of the checkout, and of the servers beside this service.
        before: The costs of the earlier revision; empty without one.
    """

    now: Mapping[str, float]
    before: Mapping[str, float]


class Turn(NamedTuple):
    """One server's turn in a round.

    Args:
        server: The server.
        earlier_revision: The name of the earlier revision that the server runs, or None for the checkout.
    """

    server: QuickServer
    earlier_revision: str | None = None


def require_tracing():
    """Exit with an error message if the packages for traces are missing, without which nothing is traced."""
    if importlib.util.find_spec("opentelemetry.sdk") is None:
        raise SystemExit("The packages of requirements/tracing.txt are missing: make .venv/.dev")


def measure(revision, rounds, seconds):
    """Measure the checkout and an earlier revision.

    Args:
        revision: The earlier revision, or None for the newest release before the checkout.
        rounds: The number of rounds.
        seconds: The duration of each load.
    Returns:
        The medians of all rounds.
    Raises:
        SystemExit: git does not know the revision, or its server does not start or does not answer.
    """
    try:
        commit = revisions.find_commit(ROOT, revision) if revision else revisions.find_earlier_release(ROOT)
    except RuntimeError as error:
        raise SystemExit(str(error)) from error
    if commit is None:
        print(NO_RELEASE, flush=True)
        return measure_rounds(turns_of_a_round(), rounds, seconds)
    name = revisions.describe(ROOT, commit)
    print(f"before: {name}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        revisions.export(ROOT, commit, folder)
        return measure_rounds(turns_of_a_round(name, Path(folder)), rounds, seconds)


def turns_of_a_round(earlier_revision=None, folder=None):
    """List the turns of a round: each server, and after it the same server of the earlier revision.

    Args:
        earlier_revision: The name of the earlier revision, or None without one.
        folder: The folder with the files of the earlier revision.
    Returns:
        The turns.
    """
    turns = []
    for server in SERVERS:
        turns.append(Turn(server))
        if earlier_revision and server.has_earlier_revision:
            earlier_server = server._replace(contender=server.contender._replace(folder=folder))
            turns.append(Turn(earlier_server, earlier_revision))
    return turns


def measure_rounds(turns, rounds, seconds):
    """Take all turns in each round; every second round reverses their order, so that a drift cancels out.

    Args:
        turns: The turns of a round.
        rounds: The number of rounds.
        seconds: The duration of each load.
    Returns:
        The medians of all rounds.
    """
    images, network = load_split().training.pixels, load_artefact(WEIGHTS).network
    now: dict[str, list[float]] = {}
    before: dict[str, list[float]] = {}
    for round_number in range(1, rounds + 1):
        for turn in turns if round_number % 2 else reversed(turns):
            samples = before if turn.earlier_revision else now
            for case, cpu in take_turn(turn, images, network, seconds).items():
                samples.setdefault(case, []).append(cpu)
        print(f"round {round_number} of {rounds} is measured", flush=True)
    return Costs(*({case: median(costs) for case, costs in samples.items()} for samples in (now, before)))


def take_turn(turn, images, network, seconds):
    """Start the server of a turn, check its answers, and measure its cases.

    The answers of an earlier revision are not checked, because its weights may differ.

    Args:
        turn: The turn.
        images: Images, shape (B, 64), whole numbers in [0, 16]; B is at least 1024.
        network: The network that computes the expected probabilities.
        seconds: The duration of each load.
    Returns:
        The CPU of a request in microseconds, by case.
    Raises:
        RuntimeError: The server of the checkout does not start or does not answer correctly.
        SystemExit: The server of the earlier revision does not start or does not answer.
    """
    contender, checked_images = turn.server.contender, images[:CHECKED_IMAGES]
    try:
        with running_contender(contender) as (url, processes, _):
            if turn.earlier_revision is None:
                probabilities = network.probabilities(checked_images)
                probe.require_correct_answers(contender, url, checked_images, probabilities)
            loads = {name: case.build_load(images) for name, case in turn.server.cases.items()}
            return {name: measure_case(load, url, seconds, processes) for name, load in loads.items()}
    except RuntimeError as error:
        if turn.earlier_revision is None:
            raise
        raise SystemExit(f"The earlier revision {turn.earlier_revision} cannot be measured: {error}") from error


def measure_case(load, url, seconds, processes):
    """Send the load of a case to a server, first for a moment over one connection to warm the server up.

    Args:
        load: The load.
        url: The server's URL.
        seconds: The duration of the measurement.
        processes: The server's `ProcessTree`.
    Returns:
        The CPU of a request in microseconds.
    """
    end = time.perf_counter() + WARM_UP_SECONDS
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
        while time.perf_counter() < end:
            connection.request("POST", load.path, load.body, load.headers)
            connection.getresponse().read()
    return wrk.send(load, url, seconds, processes).cpu_microseconds
