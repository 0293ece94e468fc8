"""The pool: many synthetic digits, generated once before a training."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

import numpy as np
from tqdm import tqdm

from model import DIGITS
from training.data import Rows
from training.handwriting.digits import draw_images

GENERATOR_VERSION = 1  # each change to the digits gets the next number
CHUNK = 100  # images that a process generates at a time


@contextmanager
def block_ctrl_c() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach.

    A terminal sends Ctrl-C to all processes of a program. A process inherits blocked signals from its parent.

    Yields:
        Once. Until the end of the block, Ctrl-C waits in this process too.
    """
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


def generate(count: int, seed: int) -> Rows:
    """Generate digits on all cores, and show a progress bar if the output is a terminal.

    Args:
        count: Number of digits, at least 1.
        seed: Seed of all randomness, at least 0. Each digit has a random generator of its own, so the number of cores
            does not change the digits.
    Returns:
        The images, with the digits 0 to 9 in turn. Their form is 0, because there are no forms.
    Raises:
        BrokenProcessPool: A process was killed, or the main module of the caller has no `__main__` guard: each process
            imports that module.
    """
    chunks = [range(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
    # The processes are spawned, because a forked process could inherit a lock that is held by a thread of this process.
    processes = ProcessPoolExecutor(min(os.cpu_count() or 1, len(chunks)), get_context("spawn"))
    images = []
    with tqdm(desc=f"handwriting, seed {seed}", total=count, unit="digit", disable=None) as bar:
        try:
            with block_ctrl_c():  # `submit` starts the processes
                futures = [processes.submit(draw_images, chunk, seed) for chunk in chunks]
            for future in futures:
                images.append(future.result())
                bar.update(len(images[-1]))
        finally:
            processes.shutdown(cancel_futures=True)
    return Rows(np.concatenate(images), np.arange(count) % DIGITS, np.zeros(count, np.int64))
