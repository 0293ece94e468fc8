"""The state that all processes of a service share, and the values that a worker and the supervisor exchange."""

import ctypes
from typing import NamedTuple

from app.main import create_service_counters
from app.observability.shared_counters import SharedCounters
from app.process.drain import SPAWN, DrainState
from app.process.shared_artefact import SharedArtefact, count_first_load
from app.settings import Settings
from model import Artefact


class ServiceState(NamedTuple):
    """The state that all processes of a service share.

    Args:
        settings: The settings of the service.
        artefact: The verified file of weights.
        counters: Counters of all workers.
        drain: The end of the drain.
    """

    settings: Settings
    artefact: SharedArtefact
    counters: SharedCounters
    drain: DrainState


class WorkerSigns(NamedTuple):
    """Values in shared memory that one worker and the supervisor exchange.

    Args:
        ticks: The worker counts ten times a second, so the supervisor notices a worker that hangs.
        must_retire: The supervisor sets it to True to stop this worker alone.
    """

    ticks: ctypes.c_ulong
    must_retire: ctypes.c_bool


def create_worker_signs() -> WorkerSigns:
    """Create the values for one worker.

    Returns:
        Values that can be passed to a process while that process is being started.
    """
    return WorkerSigns(SPAWN.RawValue(ctypes.c_ulong), SPAWN.RawValue(ctypes.c_bool))


def create_service_state(artefact: Artefact, settings: Settings) -> ServiceState:
    """Create the state before the first worker starts.

    Args:
        artefact: The verified weights and their card.
        settings: The settings of the service.
    Returns:
        State that can be passed to a process while that process is being started.
    """
    counters = create_service_counters(settings)
    count_first_load(counters)
    return ServiceState(settings, SharedArtefact(artefact.data), counters, DrainState(settings.drain_seconds))
