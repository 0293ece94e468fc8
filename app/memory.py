"""Memory: giving it back after a large picture, and not searching it for nothing."""

import ctypes
import gc

M_MMAP_THRESHOLD = -3  # glibc's number for it, mallopt(3)
LARGE_BLOCK_BYTES = 1024 * 1024
YOUNG_OBJECTS = 10_000  # the largest batch makes fewer by default: three for each flat image


def return_large_blocks() -> None:
    """Make the allocator return large blocks to the system as soon as they are freed.

    glibc learns from every large block that it should keep the next one, in a heap for each thread; after a
    few large pictures a process would hold twice what it ever used at once. Elsewhere nothing is changed.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)


def spare_collector() -> None:
    """Let the garbage collector look seldom, and only at what comes after the start.

    It finds rings of objects, and requests leave none; by default it would look through every large batch
    several times, and now and then through all that was imported.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
