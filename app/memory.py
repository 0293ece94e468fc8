"""Giving memory back to the system once a large picture is done with."""

import ctypes

M_MMAP_THRESHOLD = -3  # glibc's number for it, mallopt(3)
LARGE_BLOCK_BYTES = 1024 * 1024


def return_large_blocks() -> None:
    """Make the allocator return large blocks to the system as soon as they are freed.

    glibc learns from every large block that it should keep the next one, in a heap for each thread; after a
    few large pictures a process would hold twice what it ever used at once. Elsewhere nothing is changed.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
