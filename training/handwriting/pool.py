"""The pool: many synthetic digits, generated once before a training."""

import os
import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
from tqdm import tqdm

from model import DIGITS
from training.data import Rows
from training.handwriting.digits import draw_images

GENERATOR_VERSION = 1  # each change to the digits gets the next number
CHUNK = 100  # images that a process generates at a time


def generate(count: int, seed: int) -> Rows:
    """Generate digits on all cores, and show a progress bar if the output is a terminal.

    Args:
        count: Number of digits, at least 1.
        seed: Seed of all randomness, at least 0. Each digit has a random generator of its own, so the number of cores
            does not change the digits.
    Returns:
        The images, with the digits 0 to 9 in turn. Their form is 0, because there are no forms.
    Raises:
        BrokenProcessPool: A process was killed.
    """
    chunks = [range(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
    # The processes are spawned, because a forked process could inherit a lock that is held by a thread of this process.
    # They ignore Ctrl-C, because this process ends them.
    processes = ProcessPoolExecutor(
        min(os.cpu_count() or 1, len(chunks)), get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_IGN)
    )
    images = []
    with tqdm(desc=f"handwriting, seed {seed}", total=count, unit="digit", disable=None) as bar:
        try:
            for future in [processes.submit(draw_images, chunk, seed) for chunk in chunks]:
                images.append(future.result())
                bar.update(len(images[-1]))
        finally:
            processes.shutdown(cancel_futures=True)
    return Rows(np.concatenate(images), np.arange(count) % DIGITS, np.zeros(count, np.int64))
