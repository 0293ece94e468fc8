"""Tuning of the allocator; test_worker.py checks that a worker applies it and freezes the garbage collector."""

from types import SimpleNamespace

from app.process.tuning import set_heap_limits, trim_heap


def test_set_heap_limits_passes_all_limits_to_the_allocator(monkeypatch):
    limits: dict[int, int] = {}
    libc = SimpleNamespace(mallopt=limits.__setitem__)
    monkeypatch.setattr("ctypes.CDLL", lambda _: libc)
    set_heap_limits()
    assert limits == {-1: 8 * 2**20, -3: 2**20, -8: 1}  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX of malloc.h


def test_set_heap_limits_does_nothing_without_mallopt(monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", lambda _: SimpleNamespace())
    set_heap_limits()


def test_heap_is_trimmed_to_the_kept_bytes(monkeypatch):
    trims: list[int] = []
    monkeypatch.setattr("ctypes.CDLL", lambda _: SimpleNamespace(malloc_trim=trims.append))
    trim_heap()
    assert trims == [8 * 2**20]


def test_heap_is_not_trimmed_without_malloc_trim(monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", lambda _: SimpleNamespace())
    trim_heap()
