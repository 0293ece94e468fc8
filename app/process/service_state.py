"""The state that all processes of a service share, and the values that a worker and the supervisor exchange."""

import ctypes
from collections.abc import Callable
from multiprocessing.sharedctypes import RawValue
from typing import NamedTuple

from app.main import create_service_counters
from app.observability.shared_counters import SUCCESS, SharedCounters
from app.process.drain import DrainState
from app.process.keys import MAX_KEYS_BYTES
from app.process.shared_bytes import SharedBytes
from app.process.terminal import ends_with_terminal, has_terminal
from app.settings import Settings
from model import MAX_ARTEFACT_BYTES, Artefact


class ServiceState(NamedTuple):
    """The state that all processes of a service share.

    Args:
        settings: The settings of the service.
        artefact: The bytes of the verified file of weights.
        keys: The keys of the clients, one a line.
        counters: Counters of all workers.
        drain: State of the drain.
        ends_with_terminal: True if the service must stop when its terminal is closed.
    """

    settings: Settings
    artefact: SharedBytes
    keys: SharedBytes
    counters: SharedCounters
    drain: DrainState
    ends_with_terminal: bool

    def handle_sighup(self, reload: Callable[[], None]) -> None:
        """Reload the files, or stop the service if the signal comes from its closed terminal.

        Args:
            reload: Function that reloads the files.
        """
        if self.ends_with_terminal and not has_terminal():
            self.drain.begin()
        else:
            reload()


class WorkerLink(NamedTuple):
    """Values in shared memory that one worker and the supervisor exchange.

    Args:
        heartbeats: Number of heartbeats. The worker adds one ten times a second, so the supervisor notices if it hangs.
        must_retire: The supervisor sets it to True to stop this worker alone.
    """

    heartbeats: ctypes.c_ulong
    must_retire: ctypes.c_bool


def create_worker_link() -> WorkerLink:
    """Create the values for one worker.

    Returns:
        Values that can be passed to a process while that process is being started.
    """
    return WorkerLink(RawValue(ctypes.c_ulong), RawValue(ctypes.c_bool))


def create_service_state(artefact: Artefact, settings: Settings, keys: bytes) -> ServiceState:
    """Create the state before the first worker starts.

    Args:
        artefact: The verified weights and their card.
        settings: The settings of the service.
        keys: The keys of the clients, one a line.
    Returns:
        State that can be passed to a process while that process is being started.
    """
    counters = create_service_counters(settings)
    counters.model_loads[SUCCESS] = 1
    drain = DrainState(settings.drain_seconds)
    shared_artefact = SharedBytes(artefact.data, MAX_ARTEFACT_BYTES)
    return ServiceState(
        settings, shared_artefact, SharedBytes(keys, MAX_KEYS_BYTES), counters, drain, ends_with_terminal()
    )
