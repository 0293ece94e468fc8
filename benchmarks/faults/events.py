"""The events of the fault benchmark, each of which has a row in the table: stops, reloads and kills under load.

The events of several replicas are in `replica_events`.
"""

import signal
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.faults import requests
from benchmarks.faults.continuous_clients import Tally, continuous_clients
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
from benchmarks.faults.replica_events import REPLICA_EVENTS
from benchmarks.faults.report_figures import count_shrinks, longest_use, seconds_until_recovery
from benchmarks.faults.service import running_service
from benchmarks.faults.weights_file import WeightsFile, count_by_network

STOP_REQUESTS = 100_000
MAX_STOPS = 50
RELOADS, RELOAD_INTERVAL_SECONDS = 40, 0.5
DAMAGED_RELOADS = 10
KILLS, KILL_INTERVAL_SECONDS = 4, 3
RECOVERY_LIMIT_SECONDS = 5  # in addition, if there are no two workers at the end of the interval


@contextmanager
def service_under_load(plan, workers):
    """Run the service with its own file of weights and with clients beside it until the end of the `with` block.

    Args:
        plan: The `Plan`.
        workers: The number of workers, 1 or 2.
    Yields:
        The `Service`, its `WeightsFile`, and the `Tally` of the clients, which is empty until the end of the block.
    """
    images = plan.images[:IMAGES]
    with tempfile.TemporaryDirectory() as folder:
        weights = WeightsFile(Path(folder) / "digits.npz")
        with running_service(plan.folder, {**DRAIN, "DIGITS_WEIGHTS": str(weights.path)}, workers) as service:
            kept, closing = requests.single_images(images), requests.single_images(images, "Connection: close")
            with continuous_clients(service.address, kept, closing, requests.probe("/readyz")) as tally:
                time.sleep(LOAD_SECONDS)
                yield service, weights, tally


def measure_stops(workers, plan):
    """Start the service and stop it by SIGTERM under load, until enough requests were sent."""
    total, wrong = Tally(), 0
    seconds: list[float | None] = []
    statuses: set[int | None] = set()
    while total.sent() < plan.stop_requests and len(seconds) < MAX_STOPS:
        with service_under_load(plan, workers) as (service, weights, tally):
            seconds.append(service.stop_all(signal.SIGTERM, STOP_LIMIT_SECONDS))
            statuses.add(service.exit_status())
        total.add(tally)
        wrong += count_by_network(tally.answers, plan.images, weights.networks[:1])[None]
    return EventMeasurement(
        len(seconds), total, wrong, f"ended {worst_time(seconds, NOT_ENDED)}, exit status {format_statuses(statuses)}"
    )


def measure_reloads(workers, plan):
    """Exchange the file of weights and send SIGHUP, again and again."""
    with service_under_load(plan, workers) as (service, weights, tally):
        exchanges: list[float] = []
        reports = list(service.reports(RELOAD_INTERVAL_SECONDS))
        while len(exchanges) < RELOADS and service.exit_status() is None:
            weights.exchange()
            exchanges.append(time.perf_counter())
            service.signal(signal.SIGHUP)
            reports += service.reports(RELOAD_INTERVAL_SECONDS)
        reports += service.reports(LOAD_SECONDS)
        status = service.exit_status()
    counts = count_by_network(tally.answers, plan.images, weights.networks)
    hashes = [(moment, report["model"]["sha256"]) for moment, report in reports]
    remark = (
        f"{len({name for _, name in hashes})} of {len(weights.hashes)} files were in use, "
        f"a replaced one for {longest_use(weights.hashes, exchanges, hashes):.2f} s at most; "
        f"{counts[0]:,} answers of one network and {counts[1]:,} of the other; "
        f"{readiness_remark(tally, reports, status)}"
    )
    return EventMeasurement(len(exchanges), tally, counts[None], remark)


def measure_damaged_reloads(workers, plan):
    """Damage the file of weights, and send SIGHUP several times."""
    with service_under_load(plan, workers) as (service, weights, tally):
        reports, times = list(service.reports(RELOAD_INTERVAL_SECONDS)), 0
        weights.damage()
        while times < DAMAGED_RELOADS and service.exit_status() is None:
            service.signal(signal.SIGHUP)
            reports += service.reports(RELOAD_INTERVAL_SECONDS)
            times += 1
        failures, status = service.count_failed_loads(), service.exit_status()
    others = sum(report["model"]["sha256"] != weights.hashes[0] for _, report in reports)
    remark = (
        f"{'no' if failures is None else failures} failed loads are counted; "
        f"{others} of {len(reports):,} reports have another hash; "
        f"{readiness_remark(tally, reports, status)}"
    )
    wrong = count_by_network(tally.answers, plan.images, weights.networks[:1])[None]
    return EventMeasurement(times, tally, wrong, remark)


def measure_worker_kills(plan):
    """Kill one of two workers several times."""
    with service_under_load(plan, 2) as (service, weights, tally):
        reports, connections = list(service.reports(RELOAD_INTERVAL_SECONDS)), 0
        recoveries: list[float | None] = []
        while len(recoveries) < KILLS and (pids := service.worker_pids()):
            starts, killed = reports[-1][1]["service"]["worker_starts"], time.perf_counter()
            connections += service.kill_worker(pids[0])
            reports += service.reports(KILL_INTERVAL_SECONDS)
            if (
                seconds_until_recovery(reports, killed, starts) is None
            ):  # a kill of the other worker would stop the service
                reports += service.reports(RECOVERY_LIMIT_SECONDS)
            recoveries.append(seconds_until_recovery(reports, killed, starts))
    shrinks = count_shrinks([report["service"] for _, report in reports])
    remark = (
        f"{connections} connections of killed workers; two workers again {worst_time(recoveries, 'not each time')}; "
        f"counters shrank in {shrinks} of {len(reports):,} reports"
    )
    wrong = count_by_network(tally.answers, plan.images, weights.networks[:1])[None]
    return EventMeasurement(len(recoveries), tally, wrong, remark)


def measure_supervisor_kill(plan):
    """Kill the supervisor of two workers."""
    with service_under_load(plan, 2) as (service, weights, tally):
        seconds = service.stop_all(signal.SIGKILL, STOP_LIMIT_SECONDS)
        port = "free" if service.is_port_free() else "not free"
    wrong = count_by_network(tally.answers, plan.images, weights.networks[:1])[None]
    return EventMeasurement(1, tally, wrong, f"ended {worst_time([seconds], NOT_ENDED)}, the port is then {port}")


def readiness_remark(tally, reports, status):
    """Write whether the service went on: its readiness, its processes, and its exit status if it has ended."""
    failed = sum(probe.status != 200 for probe in tally.probes)
    starts = [report["service"]["worker_starts"] for _, report in reports]
    parts = [
        f"{failed} of {len(tally.probes):,} probes of `/readyz` without a 200",
        f"workers replaced: {max(starts) - min(starts)}",
        *([] if status is None else [f"the service ended with status {status}"]),
    ]
    return "; ".join(parts)


EVENTS = {
    "stop_one": Event("SIGTERM, one worker", partial(measure_stops, 1)),
    "stop_two": Event("SIGTERM, two workers", partial(measure_stops, 2)),
    "reload_one": Event("SIGHUP with other weights, one worker", partial(measure_reloads, 1)),
    "reload_two": Event("SIGHUP with other weights, two workers", partial(measure_reloads, 2)),
    "damaged": Event("SIGHUP with a damaged file, two workers", partial(measure_damaged_reloads, 2)),
    "kill_worker": Event("SIGKILL of one of two workers", measure_worker_kills),
    "kill_supervisor": Event("SIGKILL of the supervisor of two workers", measure_supervisor_kill),
    **REPLICA_EVENTS,
}
