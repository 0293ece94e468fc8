"""The events of several replicas behind a load balancer: a rolling update, kills, and a replica that is slow."""

import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.faults import requests
from benchmarks.faults.balancers import BALANCERS, running_balancer
from benchmarks.faults.continuous_clients import Outcome, Tally, continuous_clients
from benchmarks.faults.event import (
    DRAIN,
    IMAGES,
    LOAD_SECONDS,
    NOT_ENDED,
    STOP_LIMIT_SECONDS,
    Event,
    EventMeasurement,
    format_statuses,
    worst_time,
)
from benchmarks.faults.namespaces import places
from benchmarks.faults.replicas import Replica, running_replicas
from benchmarks.faults.weights_file import WeightsFile, count_by_network

REPLICAS = 3
KILLS, VANISHINGS = 4, 2
VANISHED_SECONDS = 15  # longer than the time limit of a single prediction in the balancers, 10 s
SLOW_SECONDS = 20


class Setup(NamedTuple):
    """Replicas behind a balancer, with clients beside them.

    Args:
        replicas: Each `Replica`.
        weights: The `WeightsFile` of all replicas.
        place: Description of the network of the replicas.
        clients: Function without arguments that runs the clients during a `with` block, and yields their `Tally`.
        count_repeats: Function without arguments that counts the requests that the balancer has repeated.
    """

    replicas: list[Replica]
    weights: WeightsFile
    place: str
    clients: Callable[[], AbstractContextManager[Tally]]
    count_repeats: Callable[[], int]


@contextmanager
def balanced_replicas(plan, balancer, count=REPLICAS):
    """Run replicas with the same file of weights behind a balancer until the end of the `with` block.

    Args:
        plan: The `Plan`.
        balancer: The `Balancer`.
        count: The number of replicas.
    Yields:
        The `Setup`.
    """
    images = plan.images[:IMAGES]
    kept, closing = requests.single_images(images), requests.single_images(images, "Connection: close")
    with tempfile.TemporaryDirectory() as folder, places(count) as addresses:
        weights = WeightsFile(Path(folder) / "digits.npz")
        environment = {**DRAIN, "DIGITS_WEIGHTS": str(weights.path)}
        targets = [(place.host, place.port) for place in addresses]
        with (
            running_replicas(plan.folder, environment, addresses) as replicas,
            running_balancer(balancer, targets) as (address, count_repeats),
        ):
            network = "in network namespaces" if addresses[0].link else "on loopback ports"
            clients = partial(continuous_clients, address, kept, closing, requests.probe("/readyz"))
            yield Setup(replicas, weights, f"{count} replicas {network}", clients, count_repeats)


def measure_rolling_update(balancer, plan, count=REPLICAS):
    """Replace one replica after the other by a replica with other weights, as soon as the former one is used."""
    stops: list[float | None] = []
    uses: list[float | None] = []
    statuses: set[int | None] = set()
    with balanced_replicas(plan, balancer, count) as setup:
        with setup.clients() as tally:
            time.sleep(LOAD_SECONDS)
            setup.weights.exchange()
            for replica in setup.replicas:
                stops.append(replica.service.stop_all(signal.SIGTERM, STOP_LIMIT_SECONDS))
                statuses.add(replica.service.exit_status())
                replica.start()
                uses.append(replica.seconds_until_used())
        with setup.clients() as tally_afterwards:
            time.sleep(LOAD_SECONDS)
        networks = setup.weights.networks
        counts = count_by_network(tally.answers, plan.images, networks)
        later = count_by_network(tally_afterwards.answers, plan.images, networks)
        tally.add(tally_afterwards)
        remark = (
            f"ended {worst_time(stops, NOT_ENDED)}, exit status {format_statuses(statuses)}; {used_again(uses)}; "
            f"{counts[0]:,} answers of the old network and {counts[1]:,} of the new one during the update, and "
            f"{later[0]:,} and {later[1]:,} afterwards"
        )
        return EventMeasurement(len(stops), tally, counts[None] + later[None], complete_remark(setup, tally, remark))


def measure_kills(balancer, plan):
    """Kill one replica after the other, and start each of them again at once."""
    uses = []
    with balanced_replicas(plan, balancer) as setup:
        with setup.clients() as tally:
            time.sleep(LOAD_SECONDS)
            for number in range(KILLS):
                replica = setup.replicas[number % len(setup.replicas)]
                replica.kill()
                replica.start()
                uses.append(replica.seconds_until_used())
        return measurement(setup, plan, tally, KILLS, used_again(uses))


def measure_vanishings(balancer, plan):
    """Take down the network link of one replica after the other, so that its packets are lost without a reset."""
    uses = []
    with balanced_replicas(plan, balancer) as setup:
        if setup.replicas[0].place.link is None:
            return EventMeasurement(0, Tally(), 0, "needs network namespaces")
        with setup.clients() as tally:
            time.sleep(LOAD_SECONDS)
            for replica in setup.replicas[:VANISHINGS]:
                replica.place.set_link("down")
                time.sleep(VANISHED_SECONDS)
                replica.place.set_link("up")
                uses.append(replica.seconds_until_used())
        remark = f"away for {VANISHED_SECONDS} s; {used_again(uses)}"
        return measurement(setup, plan, tally, VANISHINGS, remark)


def measure_slow_replica(balancer, plan):
    """Let a replica run for a small part of the time, and find how many of the predictions it makes meanwhile."""
    with balanced_replicas(plan, balancer) as setup:
        with setup.clients() as tally:
            time.sleep(LOAD_SECONDS)
            slow = setup.replicas[0]
            before = [replica.predictions() for replica in setup.replicas]
            running = slow.slow_down(SLOW_SECONDS)
            after = [replica.predictions() for replica in setup.replicas]
            uses = [slow.seconds_until_used()]
        made = [later - earlier for earlier, later in zip(before, after, strict=True)]
        remark = (
            f"it ran for {running:.1%} of {SLOW_SECONDS} s and made {made[0] / sum(made):.1%} of the predictions, "
            f"where equal shares are {1 / len(made):.0%}; {used_again(uses)}"
        )
        return measurement(setup, plan, tally, 1, remark)


def measurement(setup, plan, tally, times, remark):
    """Build the `EventMeasurement` of an event during which all replicas have the first network."""
    wrong = count_by_network(tally.answers, plan.images, setup.weights.networks[:1])[None]
    return EventMeasurement(times, tally, wrong, complete_remark(setup, tally, remark))


def used_again(seconds):
    """Write when the balancer has used a replica again, after it was ready."""
    return f"used again {worst_time(seconds, 'not each time')}"


def complete_remark(setup, tally, remark):
    """Add to a remark where the replicas ran, and which requests the balancer and the clients have repeated."""
    retries = tally.retries.total()
    return (
        f"{setup.place}; {remark}; requests that the balancer sent to a second replica: {setup.count_repeats():,}; "
        f"retries of the clients: {retries:,}, of which {retries - tally.retries[Outcome.ANSWERED]:,} failed"
    )


def replica_events(name, balancer):
    """List the events behind a balancer.

    Args:
        name: Short name of the balancer, the end of the names of the events.
        balancer: The `Balancer`.
    Returns:
        The events, by name.
    """
    without_repeats = balancer.without_repeats()
    events = {
        "roll": ("rolling update", measure_rolling_update, balancer),
        "kill_replica": ("SIGKILL of a replica", measure_kills, balancer),
        "kill_without_repeats": ("SIGKILL of a replica", measure_kills, without_repeats),
        "vanish": ("a replica vanishes from the network", measure_vanishings, balancer),
        "slow": ("a replica is slow", measure_slow_replica, balancer),
    }
    return {
        f"{kind}_{name}": Event(f"{chosen.title}: {title}", partial(measure, chosen))
        for kind, (title, measure, chosen) in events.items()
    }


REPLICA_EVENTS = {**replica_events("haproxy", BALANCERS["haproxy"]), **replica_events("nginx", BALANCERS["nginx"])}
