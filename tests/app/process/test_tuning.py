"""Tuning of the allocator; test_worker.py checks that a worker applies it and freezes the garbage collector."""

from types import SimpleNamespace
from typing import Any

from app.process.tuning import set_heap_limits, trim_heap_regularly
from tests.transports import Clock


def test_set_heap_limits_passes_both_limits_to_the_allocator(monkeypatch):
    limits: dict[int, int] = {}
    libc = SimpleNamespace(mallopt=limits.__setitem__)
    monkeypatch.setattr("ctypes.CDLL", lambda _: libc)
    set_heap_limits()
    assert limits == {-1: 8 * 2**20, -3: 2**20}  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h


def test_set_heap_limits_does_nothing_without_mallopt(monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", lambda _: SimpleNamespace())
    set_heap_limits()


def test_heap_is_trimmed_at_once_and_every_two_seconds(monkeypatch):
    clock: Any = Clock()
    trims: list[tuple[float, int]] = []
    libc = SimpleNamespace(malloc_trim=lambda kept: trims.append((clock.now, kept)))
    monkeypatch.setattr("ctypes.CDLL", lambda _: libc)
    trim_heap_regularly(clock)
    clock.move_to(5)
    assert trims == [(0, 8 * 2**20), (2, 8 * 2**20), (4, 8 * 2**20)]


def test_heap_is_not_trimmed_without_malloc_trim(monkeypatch):
    clock: Any = Clock()
    monkeypatch.setattr("ctypes.CDLL", lambda _: SimpleNamespace())
    trim_heap_regularly(clock)
    assert clock.pending() == []
