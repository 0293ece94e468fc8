"""The verified file of weights in memory that all processes of a service share, and its reload.

One process reads and verifies the file: the supervisor, or the only process. The workers take the verified bytes from
the shared memory, so a file that is damaged later cannot affect a worker that starts as a replacement.
"""

import ctypes
import threading
import time
from multiprocessing.sharedctypes import RawArray, RawValue

from app.observability.logs import log
from app.observability.shared_counters import FAILURE, SUCCESS, SharedCounters
from app.settings import Settings
from model import MAX_ARTEFACT_BYTES, Artefact, ArtefactError, load_artefact

SECONDS_BETWEEN_READS = 0.001


class SharedArtefact:
    """The bytes of the verified file.

    The bytes are not sent through pipes. A pipe would block the supervisor if its worker died before it had read them.

    Args:
        data: The bytes of the whole file, at most `MAX_ARTEFACT_BYTES`.
    """

    def __init__(self, data: bytes) -> None:
        self._data = RawArray(ctypes.c_char, MAX_ARTEFACT_BYTES)
        self._size = RawValue(ctypes.c_size_t)
        self._changes = RawValue(ctypes.c_size_t)  # two for each publication, so odd while the bytes are written
        self.publish(data)

    @property
    def publication(self) -> int:
        """Number of complete publications."""
        return int(self._changes.value // 2)

    def publish(self, data: bytes) -> None:
        """Replace the bytes.

        Args:
            data: The bytes of another verified file. Only one process may publish.
        """
        self._changes.value += 1
        self._data.raw = data
        self._size.value = len(data)
        self._changes.value += 1

    def read(self) -> tuple[int, bytes]:
        """Copy the bytes.

        Returns:
            The number and the bytes of the last publication.
        """
        while True:
            changes = self._changes.value
            data = self._data.raw[: self._size.value]
            if changes % 2 == 0 and changes == self._changes.value:
                return changes // 2, data
            time.sleep(SECONDS_BETWEEN_READS)  # another process or thread is writing


class Reloader:
    """Loads the file of weights again when that is requested, one load after the other.

    Args:
        shared: The artefact in use.
        settings: Settings with the path of the file and its SHA-256.
        counters: Counters of all workers.
    """

    def __init__(self, shared: SharedArtefact, settings: Settings, counters: SharedCounters) -> None:
        self._arguments = shared, settings, counters
        self._is_requested = False
        self._thread = threading.Thread()

    def request(self) -> None:
        """Request a load, which starts with the next call of `start_if_requested`."""
        self._is_requested = True

    def start_if_requested(self) -> None:
        """Start a requested load if no other one is running.

        It runs in a thread, because the file system may be slow. A daemon thread does not delay the end of the process.
        """
        if self._is_requested and not self._thread.is_alive():
            self._is_requested = False
            self._thread = threading.Thread(target=reload_artefact, args=self._arguments, daemon=True)
            self._thread.start()


def reload_artefact(shared: SharedArtefact, settings: Settings, counters: SharedCounters) -> None:
    """Read and verify the file of weights again, and publish it if it is valid.

    Args:
        shared: The artefact in use.
        settings: Settings with the path of the file and its SHA-256.
        counters: Counters of all workers.
    """
    try:
        artefact: Artefact = load_artefact(settings.weights, settings.weights_sha256)
    except ArtefactError as error:
        counters.model_loads[FAILURE] += 1
        log.error("reload failed: %s", error)
    else:
        shared.publish(artefact.data)
        counters.model_loads[SUCCESS] += 1
        log.info("reloaded", extra={"version": artefact.card.version, "sha256": artefact.sha256})
