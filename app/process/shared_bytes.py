"""Bytes in memory that all processes of a service share.

One process reads and verifies a file: the supervisor, or the only process. The workers take the verified bytes from the
shared memory, so a file that is damaged later cannot affect a worker that starts as a replacement.
"""

import ctypes
import time
from multiprocessing.sharedctypes import RawArray, RawValue

SECONDS_BETWEEN_READS = 0.001


class SharedBytes:
    """Bytes that one process publishes and all processes read.

    The bytes are not sent through pipes. A pipe would block the supervisor if its worker died before it had read them.

    Args:
        data: The first bytes.
        max_size: Largest number of bytes that can be published.
    """

    def __init__(self, data: bytes, max_size: int) -> None:
        self._data = RawArray(ctypes.c_char, max_size)
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
            data: The new bytes. Only one process may publish.
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
