"""Benchmark of training: the speed of this project, scikit-learn, PyTorch and the notebook's loop.

All train a network of the same architecture on the same 1203 rows, without distortions, on one thread. All
but the notebook's loop use Adam, batches of 32 rows and a constant learning rate of 0.001. The notebook's
loop only supports batches of one row, and it uses its own learning rate. Each round has its own seed. After
every epoch the network classifies the held-out rows. This evaluation is not timed, and it does not influence
the training.
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

from training.environment import fix_environment

fix_environment()  # for all networks, before NumPy is imported

import numpy as np
from sklearn.neural_network import MLPClassifier

from model import DIGITS, INK_MAX, LAYER_SIZES, forward
from training import notebook
from training.data import load_split, one_hot
from training.fit import Schedule, fit

BATCH_SIZE = 32
LEARNING_RATE = 1e-3
ACCURACY_GOAL = 0.98
RESULT = Path(__file__).parent / "results" / "training.json"
SPLIT = load_split()
INPUTS, LABELS = SPLIT.training.pixels / np.float32(INK_MAX), SPLIT.training.labels
HELD_OUT_INPUTS = SPLIT.held_out.pixels / np.float32(INK_MAX)


# Each of the next four functions trains one network. After every epoch it yields a function without
# arguments. That function returns the predicted digits of the held-out rows, shape (594,).


def train_own(epochs, seed):
    """Train with this project's loop, `training/fit.py`."""
    schedule = Schedule(epochs, BATCH_SIZE, LEARNING_RATE, last_rate=1, weight_decay=0, averaged=0)
    examples = SPLIT.training.pixels, one_hot(LABELS, DIGITS)
    for epoch in fit(schedule, lambda _: examples, np.random.default_rng(seed)):
        yield lambda weights=epoch.weights: forward(weights, HELD_OUT_INPUTS).logits.argmax(axis=1)


def train_scikit_learn(epochs, seed):
    """Train with scikit-learn's `MLPClassifier`."""
    random_state = np.random.RandomState(seed)
    network = MLPClassifier(
        LAYER_SIZES[1:-1], batch_size=BATCH_SIZE, learning_rate_init=LEARNING_RATE, alpha=0, random_state=random_state
    )
    for _ in range(epochs):
        network.partial_fit(INPUTS, LABELS, classes=range(DIGITS))
        yield lambda: network.predict(HELD_OUT_INPUTS)


def train_pytorch(epochs, seed):
    """Train with PyTorch and its fused Adam."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    sizes = pairwise(LAYER_SIZES)
    layers = [layer for size in sizes for layer in (torch.nn.Linear(*size), torch.nn.ReLU())]
    network = torch.nn.Sequential(*layers[:-1])
    adam = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, fused=True)
    loss_function = torch.nn.CrossEntropyLoss()
    inputs, labels, held_out_inputs = map(torch.from_numpy, (INPUTS, LABELS, HELD_OUT_INPUTS))
    for _ in range(epochs):
        for batch in torch.randperm(len(inputs)).split(BATCH_SIZE):
            adam.zero_grad()
            loss_function(network(inputs[batch]), labels[batch]).backward()
            adam.step()
        yield lambda: network(held_out_inputs).argmax(dim=1).numpy()


def train_notebook(epochs, seed):
    """Train with the notebook's loop, but with the correct gradient and without its stopping rule."""
    run = notebook.train(SPLIT.training, notebook.NO_FAULTS, seed=seed, stops_early=False)
    for iteration in islice(run, epochs):
        yield lambda weights=iteration.weights: forward(weights, HELD_OUT_INPUTS).logits.argmax(axis=1)


CONTENDERS = {
    "ours": train_own,
    "scikit-learn MLPClassifier": train_scikit_learn,
    "PyTorch": train_pytorch,
    "the notebook's loop": train_notebook,
}


def measure(train, epochs, seed):
    """Run one training, and time it without the evaluations.

    Args:
        train: One of the functions in `CONTENDERS`.
        epochs: The number of epochs.
        seed: The seed of all random draws.
    Returns:
        The duration of the median epoch and of the whole training, in seconds; the seconds and epochs until
        the accuracy goal, both None if it was not reached; the number of epochs; the best held-out accuracy.
    """
    epoch_seconds, epochs_to_goal, best_accuracy = [], None, 0.0
    started = time.perf_counter()
    for predict_held_out in train(epochs, seed):
        epoch_seconds.append(time.perf_counter() - started)
        accuracy = float((predict_held_out() == SPLIT.held_out.labels).mean())
        best_accuracy = max(best_accuracy, accuracy)
        if epochs_to_goal is None and accuracy >= ACCURACY_GOAL:
            epochs_to_goal = len(epoch_seconds)
        started = time.perf_counter()
    return {
        "seconds_an_epoch": median(epoch_seconds),
        "seconds_to_goal": sum(epoch_seconds[:epochs_to_goal]) if epochs_to_goal else None,
        "epochs_to_goal": epochs_to_goal,
        "epochs": len(epoch_seconds),
        "seconds": sum(epoch_seconds),
        "best_accuracy": best_accuracy,
    }


def table(results):
    """Yield the lines of a Markdown table of the medians, which docs/training.md quotes.

    Args:
        results: For each key of `CONTENDERS`, the return values of `measure`.
    Yields:
        Lines of Markdown.
    """
    yield "| training | ms an epoch | | epochs to 98 % | seconds to 98 % | |"
    yield "|---|---:|---:|---:|---:|---:|"
    own_seconds, own_seconds_to_goal, _ = medians(results["ours"])
    for name, runs in results.items():
        seconds_per_epoch, seconds_to_goal, epochs_to_goal = medians(runs)
        goal_cells = f"{epochs_to_goal:g} | {seconds_to_goal:.2f} | {seconds_to_goal / own_seconds_to_goal:.1f}×"
        if seconds_to_goal == math.inf:
            seconds = median(run["seconds"] for run in runs)
            successes = sum(run["seconds_to_goal"] is not None for run in runs)
            reached = f"{successes} of {len(runs)} runs in {epochs_to_goal:g}"
            goal_cells = f"{reached} | > {seconds:.1f} | > {seconds / own_seconds_to_goal:.0f}×"
        yield f"| {name} | {seconds_per_epoch * 1e3:.1f} | {seconds_per_epoch / own_seconds:.1f}× | {goal_cells} |"


def medians(runs):
    """Return the medians of several runs.

    Args:
        runs: Return values of `measure`.
    Returns:
        The seconds per epoch, the seconds to the accuracy goal, and the epochs to the goal. For a run
        that did not reach the goal, the seconds are infinite and the epochs are all that it ran.
    """
    seconds_to_goal = [run["seconds_to_goal"] or math.inf for run in runs]
    epochs_to_goal = [run["epochs_to_goal"] or run["epochs"] for run in runs]
    seconds_per_epoch = median(run["seconds_an_epoch"] for run in runs)
    return seconds_per_epoch, median_high(seconds_to_goal), median_high(epochs_to_goal)


def processor_name():
    """Return the processor's model name, or only its architecture if the system has no /proc/cpuinfo."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main():
    """Measure every contender in several rounds, write the result to `RESULT`, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--epochs", type=int, default=100, help="default: %(default)s")
    options = parser.parse_args()
    import_module("torch")  # so that the first timed epoch does not include the import
    warnings.simplefilter("ignore")
    results: dict[str, list[dict[str, float | None]]] = {name: [] for name in CONTENDERS}
    for seed in range(options.rounds):
        for name, train in CONTENDERS.items():
            if train is train_notebook and seed:
                continue  # its training takes half a minute, so it runs in the first round only
            results[name].append(measure(train, options.epochs, seed))
    versions = {name: version(name) for name in ("numpy", "scikit-learn", "torch")}
    versions["python"] = platform.python_version()
    RESULT.parent.mkdir(exist_ok=True)
    environment = {"machine": processor_name(), "cores": os.cpu_count(), "versions": versions}
    RESULT.write_text(json.dumps({**environment, **vars(options), "results": results}, indent=1) + "\n")
    print(*table(results), sep="\n")


if __name__ == "__main__":
    main()
