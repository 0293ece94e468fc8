"""The reload of the file of weights and of the file of keys."""

import threading

from app.observability.logs import log
from app.observability.shared_counters import FAILURE, SUCCESS
from app.process.keys import KeysError, load_keys
from app.process.service_state import ServiceState
from model import ArtefactError, load_artefact


class Reloader:
    """Reads the files again when that is requested, one reload after the other.

    Args:
        state: The state that all processes share.
    """

    def __init__(self, state: ServiceState) -> None:
        self._state = state
        self._is_requested = False
        self._thread = threading.Thread()

    def request(self) -> None:
        """Request a reload, which starts with the next call of `start_if_requested`."""
        self._is_requested = True

    def start_if_requested(self) -> None:
        """Start a requested reload if no other one is running.

        It runs in a thread, because the file system may be slow. A daemon thread does not delay the end of the process.
        """
        if self._is_requested and not self._thread.is_alive():
            self._is_requested = False
            self._thread = threading.Thread(target=reload_files, args=(self._state,), daemon=True)
            self._thread.start()


def reload_files(state: ServiceState) -> None:
    """Read and verify both files again, and publish each one that is valid.

    Args:
        state: The state that all processes share.
    """
    reload_keys(state)
    reload_artefact(state)


def reload_keys(state: ServiceState) -> None:
    """Read the file of keys again, if there is one.

    Args:
        state: The state that all processes share.
    """
    if state.settings.api_keys_file is None:
        return
    try:
        keys = load_keys(state.settings)
    except KeysError as error:
        log.error("reload failed: %s", error)
    else:
        state.keys.publish(keys)
        log.info("keys reloaded", extra={"keys": len(keys.splitlines())})


def reload_artefact(state: ServiceState) -> None:
    """Read the file of weights again.

    Args:
        state: The state that all processes share.
    """
    try:
        artefact = load_artefact(state.settings.weights, state.settings.weights_sha256)
    except ArtefactError as error:
        state.counters.model_loads[FAILURE] += 1
        log.error("reload failed: %s", error)
    else:
        state.artefact.publish(artefact.data)
        state.counters.model_loads[SUCCESS] += 1
        log.info("reloaded", extra={"version": artefact.card.version, "sha256": artefact.sha256})
