"""How fast networks of this architecture learn: ours, scikit-learn's, PyTorch's, and the notebook's loop.

All learn the same 1203 rows, undistorted, on one thread. All but the notebook's loop, which knows only
single images and its own rate, learn by Adam in batches of 32 at a steady 0.001. Each round has a seed
of its own. After every epoch the held-out rows are read; that is not timed, and chooses nothing.
"""

import argparse
import json
import math
import os
import platform
import time
import warnings
from importlib import import_module
from importlib.metadata import version
from itertools import islice, pairwise
from pathlib import Path
from statistics import median, median_high

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import numpy as np
from sklearn.neural_network import MLPClassifier

from model import DIGITS, INK_MAX, LAYER_SIZES, forward
from training import notebook
from training.data import load_split, one_hot
from training.fit import Schedule, fit

BATCH_ROWS = 32
RATE = 1e-3
GOAL = 0.98
RESULT = Path(__file__).parent / "results" / "training.json"
SPLIT = load_split()
INPUTS, LABELS = SPLIT.training.pixels / np.float32(INK_MAX), SPLIT.training.labels
HELD_OUT = SPLIT.held_out.pixels / np.float32(INK_MAX)


def ours(epochs, seed):
    """Train by `training/fit.py`."""
    schedule = Schedule(epochs, BATCH_ROWS, RATE, last_rate=1, weight_decay=0, averaged=0)
    targets = one_hot(LABELS, DIGITS)
    for epoch in fit(schedule, lambda _: SPLIT.training.pixels, targets, np.random.default_rng(seed)):
        yield lambda at=epoch.weights: forward(at, HELD_OUT).logits.argmax(axis=1)


def scikit_learn(epochs, seed):
    """Train by scikit-learn's network."""
    random = np.random.RandomState(seed)
    network = MLPClassifier(
        LAYER_SIZES[1:-1], batch_size=BATCH_ROWS, learning_rate_init=RATE, alpha=0, random_state=random
    )
    for _ in range(epochs):
        network.partial_fit(INPUTS, LABELS, classes=range(DIGITS))
        yield lambda: network.predict(HELD_OUT)


def pytorch(epochs, seed):
    """Train by PyTorch, its fused Adam included."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    sizes = pairwise(LAYER_SIZES)
    layers = [layer for size in sizes for layer in (torch.nn.Linear(*size), torch.nn.ReLU())]
    network = torch.nn.Sequential(*layers[:-1])
    adam = torch.optim.Adam(network.parameters(), lr=RATE, fused=True)
    loss_of = torch.nn.CrossEntropyLoss()
    inputs, labels, held_out = map(torch.from_numpy, (INPUTS, LABELS, HELD_OUT))
    for _ in range(epochs):
        for batch in torch.randperm(len(inputs)).split(BATCH_ROWS):
            adam.zero_grad()
            loss_of(network(inputs[batch]), labels[batch]).backward()
            adam.step()
        yield lambda: network(held_out).argmax(dim=1).numpy()


def notebooks_loop(epochs, seed):
    """Train by the notebook's loop with the right gradient, and without its stop rule."""
    run = notebook.run(SPLIT.training, notebook.NONE, seed=seed, ends_when_loss_rises=False)
    for iteration in islice(run, epochs):
        yield lambda at=iteration.weights: forward(at, HELD_OUT).logits.argmax(axis=1)


CONTENDERS = {
    "ours": ours,
    "scikit-learn MLPClassifier": scikit_learn,
    "PyTorch": pytorch,
    "the notebook's loop": notebooks_loop,
}


def measure(contender, epochs, seed):
    """Run one training, timed but for the reading.

    Returns:
        Seconds of the median epoch, seconds until the goal (None if it was not reached), epochs
        until then, and the best held-out accuracy.
    """
    laps, reached, best = [], None, 0.0
    started = time.perf_counter()
    for read in contender(epochs, seed):
        laps.append(time.perf_counter() - started)
        accuracy = float((read() == SPLIT.held_out.labels).mean())
        best = max(best, accuracy)
        if reached is None and accuracy >= GOAL:
            reached = len(laps)
        started = time.perf_counter()
    return {
        "seconds_an_epoch": median(laps),
        "seconds_to_goal": sum(laps[:reached]) if reached else None,
        "epochs_to_goal": reached,
        "epochs": len(laps),
        "seconds": sum(laps),
        "best_accuracy": best,
    }


def table(results):
    """Put the medians side by side, ours first."""
    yield "| training | ms an epoch | | epochs to 98 % | seconds to 98 % | |"
    yield "|---|---:|---:|---:|---:|---:|"
    ours_epoch, ours_goal, _ = medians(results["ours"])
    for name, runs in results.items():
        epoch, goal, epochs = medians(runs)
        last = f"{epochs:g} | {goal:.2f} | {goal / ours_goal:.1f}×"
        if goal == math.inf:
            tried = median(run["seconds"] for run in runs)
            reached = sum(run["seconds_to_goal"] is not None for run in runs)
            last = f"{reached} of {len(runs)} runs in {epochs:g} | > {tried:.1f} | > {tried / ours_goal:.0f}×"
        yield f"| {name} | {epoch * 1e3:.1f} | {epoch / ours_epoch:.1f}× | {last} |"


def medians(runs):
    """Take the middle run of several; one that did not reach the goal took for ever."""
    reached = [run["seconds_to_goal"] or math.inf for run in runs]
    epochs = [run["epochs_to_goal"] or run["epochs"] for run in runs]
    return median(run["seconds_an_epoch"] for run in runs), median_high(reached), median_high(epochs)


def machine():
    """Name the processor, as far as the system tells."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main():
    """Measure all in turn, several times, and write the figures."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    arguments.add_argument("--epochs", type=int, default=100, help="default: %(default)s")
    chosen = arguments.parse_args()
    import_module("torch")  # so that its first epoch does not pay for it
    warnings.simplefilter("ignore")
    results = {name: [] for name in CONTENDERS}
    for number in range(chosen.rounds):
        for name, contender in CONTENDERS.items():
            if contender is notebooks_loop and number:
                continue  # once is enough of what takes half a minute
            results[name].append(measure(contender, chosen.epochs, seed=number))
    versions = {name: version(name) for name in ("numpy", "scikit-learn", "torch")}
    versions["python"] = platform.python_version()
    RESULT.parent.mkdir(exist_ok=True)
    about = {
        "machine": machine(),
        "cores": os.cpu_count(),
        "versions": versions,
    }
    RESULT.write_text(json.dumps({**about, **vars(chosen), "results": results}, indent=1) + "\n")
    print(*table(results), sep="\n")


if __name__ == "__main__":
    main()
