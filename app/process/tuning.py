"""Process-wide tuning of the allocator, the garbage collector and FastAPI's caches."""

import ctypes
import gc

from fastapi.dependencies import models

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # numbers of these parameters in glibc, mallopt(3)
LARGE_BLOCK_BYTES = 1024 * 1024
# Free memory that the heap keeps. A batch of 1024 images, the default of `max_batch_rows`, needs less for its arrays
# and its JSON.
KEPT_BYTES = 8 * LARGE_BLOCK_BYTES
# New objects between two runs of the garbage collector. A batch of 1024 flat images creates 3,000 objects, and a batch
# of images in rows creates 11,000, so a batch causes one run at most.
GC_THRESHOLD = 10_000


def set_heap_limits() -> None:
    """Make the allocator return freed large blocks to the system, and keep some freed small blocks.

    By default, glibc raises its limit for large blocks as soon as such blocks are freed, and then keeps them in the
    heap of each thread. After some large pictures, the process would keep much more memory than one picture needs.
    glibc would also return small blocks after every batch, and the next batch would get them back page by page. All
    threads share one heap, because the heaps of the threads that decode pictures would keep 30 MiB more. On other
    systems this function has no effect.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(M_ARENA_MAX, 1)


def trim_heap() -> None:
    """Return the free memory of the heap to the system.

    After many requests at the same time, most of the heap is free, but a few small blocks at its end would keep all of
    it. Objects that Python keeps for later use also hold memory, and a collection frees them. It takes about 0.3 ms, or
    some milliseconds after an overload. On other systems than Linux with glibc this function has no effect.
    """
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        gc.collect()
        malloc_trim(KEPT_BYTES)


def clear_endpoint_caches() -> None:
    """Make FastAPI forget all endpoints, so that those of former applications are freed.

    Its caches would keep the last 4,096 endpoints, with their networks. They fill again while requests are served.
    """
    for function in vars(models).values():
        if clear := getattr(function, "cache_clear", None):
            clear()


def freeze_gc() -> None:
    """Enable the garbage collector, but make it run rarely and ignore the objects that exist now.

    Requests create no reference cycles, unless they still wait when their connection is lost. By default the collector
    would search every large batch several times, and sometimes all imported modules. A second call also frees ignored
    objects that are not in use any more, such as applications of former reloads. It blocks the event loop for about
    50 ms.
    """
    gc.enable()
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
