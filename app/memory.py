"""Memory: what is given back and what is kept, what is not loaded, and what is not searched."""

import ctypes
import gc
import sys
from types import ModuleType
from typing import cast

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's numbers for them, mallopt(3)
LARGE_BLOCK_BYTES = 1024 * 1024
KEPT_BYTES = 8 * LARGE_BLOCK_BYTES  # more than the arrays and the JSON of the largest batch take by default
YOUNG_OBJECTS = 10_000  # 1024 flat images make three each, as rows eleven


def bound_heap() -> None:
    """Make the allocator return large blocks to the system once they are freed, and keep some small ones.

    glibc learns from every large block that it should keep the next one, in a heap for each thread; after a
    few large pictures a process would hold twice what it ever used at once. Small ones it would return after
    every batch, and the next would get them from the system again, page by page. Elsewhere nothing changes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def leave_out_old_pydantic() -> None:
    """Make `pydantic.v1` a module that is not there.

    FastAPI would load all of it, 1.2 MB, to ask of every type whether it comes from there.
    """
    sys.modules.setdefault("pydantic.v1", cast("ModuleType", None))  # Python's own way to say so


def spare_collector() -> None:
    """Let the garbage collector look seldom, and only at what comes after the start.

    It finds rings of objects, and requests leave none; by default it would look through every large batch
    several times, and now and then through all that was imported.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
