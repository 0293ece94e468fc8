"""The verified file of weights in memory that all processes of a service share, and its reload.

One process reads and verifies the file: the supervisor, or the only process. The workers take the verified bytes from
the shared memory, so a file that is damaged later cannot affect a worker that starts as a replacement.
"""

import ctypes
import time

from app.observability.logs import log
from app.observability.shared_counters import MODEL_LOAD_RESULTS, SharedCounters
from app.process.drain import SPAWN
from app.settings import Settings
from model import MAX_ARTEFACT_BYTES, Artefact, ArtefactError, load_artefact

SECONDS_BETWEEN_READS = 0.001
SUCCESS, FAILURE = range(len(MODEL_LOAD_RESULTS))


class SharedArtefact:
    """The bytes of the verified file.

    The bytes are not sent through pipes. A pipe would block the supervisor if its worker died before it had read them.

    Args:
        data: The bytes of the whole file, at most `MAX_ARTEFACT_BYTES`.
    """

    def __init__(self, data: bytes) -> None:
        self._data = SPAWN.RawArray(ctypes.c_char, MAX_ARTEFACT_BYTES)
        self._size = SPAWN.RawValue(ctypes.c_size_t)
        self._version = SPAWN.RawValue(ctypes.c_size_t)  # odd while the bytes are written
        self.publish(data)

    @property
    def version(self) -> int:
        """Number that changes with each publication."""
        return int(self._version.value)

    def publish(self, data: bytes) -> None:
        """Replace the bytes.

        Args:
            data: The bytes of another verified file. Only one process may publish.
        """
        self._version.value += 1
        self._data.raw = data
        self._size.value = len(data)
        self._version.value += 1

    def read(self) -> tuple[int, bytes]:
        """Copy the bytes.

        Returns:
            The version and the bytes of the last publication.
        """
        while True:
            version = self.version
            data = self._data.raw[: self._size.value]
            if version % 2 == 0 and version == self.version:
                return version, data
            time.sleep(SECONDS_BETWEEN_READS)  # another process is writing


def count_first_load(counters: SharedCounters) -> None:
    """Count the load before the start of the service.

    Args:
        counters: Counters of all workers.
    """
    counters.model_loads[SUCCESS] = 1


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
