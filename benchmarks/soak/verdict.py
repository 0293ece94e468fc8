"""The reasons for which the test fails."""

from collections import Counter

from benchmarks.soak.samples import LOADED, STARTED, increase, shrunken_counters
from benchmarks.soak.service import WORKERS

# Bounds of the growth from the second minute to the last. A worker keeps 8 MiB of free memory in its heap (`KEPT_BYTES`
# in app/process/tuning.py) and the pages between its blocks. After many aborted batches at the same time, a worker kept
# 16 MiB more than before, once; further such batches added nothing. From the second minute to the tenth, a worker
# answers about 300,000 requests. A leak of 64 bytes, the size of a short string, for each of them exceeds the bound.
WORKER_BOUND = 16 * 2**20
MEMORY_BOUND = WORKERS * WORKER_BOUND
# The clients keep the same number of connections. The medians of two minutes differed by 4 at most. A leak of one
# descriptor of each process in each reload exceeds the bound in ten minutes.
DESCRIPTOR_BOUND = 10
LISTED = 3  # kinds of unexpected outcomes in the sentence
NAMES = {"memory_bytes": "memory", "worker_bytes": "memory of the largest worker", "descriptors": "descriptors"}
MINUTES_FOR_GROWTH = 3


def failures(course):
    """Find the reasons for which a test fails.

    Args:
        course: The `Course`, after its stop.
    Returns:
        The reasons; none if the test passes.
    """
    return [
        *unexpected_failures(sum((minute.unexpected for minute in course.minutes), course.other_unexpected)),
        *growth_failures(course.minutes),
        *counter_failures(course.samples, len(course.kill_times), len(course.reload_times)),
        *stop_failures(course.stop),
    ]


def unexpected_failures(unexpected):
    """Report unexpected outcomes.

    Args:
        unexpected: How often each of them occurred.
    Returns:
        The reasons for which the test fails.
    """
    if not unexpected:
        return []
    listed = ", ".join(f"{outcome} ({count:,})" for outcome, count in unexpected.most_common(LISTED))
    return [f"{unexpected.total():,} outcomes were unexpected: {listed}{', …' * (len(unexpected) > LISTED)}"]


def growth_failures(minutes):
    """Report that more memory or descriptors are in use in the last minute than in the second.

    The first minute is no base, because the processes have not yet done everything once.

    Args:
        minutes: Each `Minute`. If there are fewer than three, nothing is compared.
    Returns:
        The reasons for which the test fails.
    """
    if len(minutes) < MINUTES_FOR_GROWTH:
        return []
    found = []
    for name, bound in (("memory_bytes", MEMORY_BOUND), ("worker_bytes", WORKER_BOUND)):
        growth = getattr(minutes[-1], name) - getattr(minutes[1], name)
        if growth > bound:
            found.append(f"{NAMES[name]} grew by {growth / 2**20:.1f} MiB, more than {bound / 2**20:.0f} MiB")
    growth = minutes[-1].descriptors - minutes[1].descriptors
    if growth > DESCRIPTOR_BOUND:
        found.append(f"{growth:.0f} more descriptors are open, more than {DESCRIPTOR_BOUND}")
    return found


def counter_failures(samples, kills, reloads):
    """Report counters that shrank, and counts that differ from those of the test.

    Args:
        samples: Each `Sample`.
        kills: The number of workers that were killed.
        reloads: The number of SIGHUPs with another file of weights.
    Returns:
        The reasons for which the test fails.
    """
    shrunken, found = shrunken_counters(samples), []
    if shrunken:
        found.append(f"{len(shrunken)} counters of /metrics shrank, the first is {shrunken[0]}")
    last = Counter(samples[-1].counters)
    if failed := int(sum(value for series, value in last.items() if 'status="500"' in series)):
        found.append(f"the service counted {failed} answers with the status 500")
    if (restarts := increase(samples, STARTED)) != kills:
        found.append(f"{restarts} workers started, although {kills} were killed")
    if (loaded := increase(samples, LOADED)) != reloads:
        found.append(f"{loaded} files of weights were loaded by {reloads} reloads")
    return found


def stop_failures(stop):
    """Report a stop that was not orderly.

    Args:
        stop: The `Stop`.
    Returns:
        The reasons for which the test fails.
    """
    found = []
    if stop.status != 0:
        found.append("the service did not end" if stop.status is None else f"the exit status was {stop.status}")
    if stop.processes_left:
        found.append(f"{stop.processes_left} processes still ran after the end of the supervisor")
    return found
