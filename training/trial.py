"""The notebook on trial: its gradient beside ours, its training beside its own figures.

Each function is a command and returns an exit status.
"""

import numpy as np

from model import DIGITS, INK_MAX, Floats, Weights, forward
from training import notebook
from training.backprop import Loss, backpropagate, check_gradient, cross_entropy
from training.data import load_split, one_hot
from training.parameters import COUNT, he_initialisation, views

AGREEMENT = 1e-6  # relative error below which a gradient and its finite differences agree


def check_gradients() -> int:
    """Put our gradient and the notebook's on trial.

    Returns:
        0 if finite differences acquit ours and convict the notebook's, 1 otherwise.
    """
    ours, notebooks = dict(try_ours()), dict(try_notebook())
    print(f"relative error by finite differences in float64; agreement is below {AGREEMENT:g}\n")
    print(f"{'':4}{'ours':>10}{'notebook':>12}")
    for name, error in ours.items():
        print(f"{name:4}{error:10.1e}{notebooks[name]:12.1e}")
    acquitted = max(ours.values()) < AGREEMENT
    convicted = min(notebooks.values()) >= AGREEMENT
    print(f"\nours is {'right' if acquitted else 'WRONG'}")
    print(f"the notebook's is {'wrong' if convicted else 'RIGHT'}")
    return 0 if acquitted and convicted else 1


def try_ours(rows: int = 8) -> list[tuple[str, float]]:
    """Check `backpropagate` on the first training rows.

    Args:
        rows: How many.
    Returns:
        Name and relative error of each array.
    """
    training = load_split().training.take(np.arange(rows))
    inputs = training.pixels.astype(np.float64) / INK_MAX
    targets = one_hot(training.labels, DIGITS, np.float64)
    weights = views(he_initialisation(np.random.default_rng(0)).astype(np.float64))
    gradient = views(np.zeros(COUNT))
    backpropagate(weights, inputs, targets, gradient)
    return list(check_gradient(_loss(inputs, targets), weights, gradient))


def try_notebook(faults: notebook.Faults = notebook.ALL) -> list[tuple[str, float]]:
    """Check the notebook's gradient on the first training row.

    Args:
        faults: Which of its faults it has.
    Returns:
        Name and relative error of each array.
    """
    row = load_split().training.take(np.arange(1))
    inputs = row.pixels.astype(np.float64) / INK_MAX
    targets = one_hot(row.labels, DIGITS, np.float64)
    weights = notebook.draw_weights(np.random.RandomState(notebook.SEED))
    _, gradient = notebook.gradient(weights, inputs[0], int(row.labels[0]), faults)
    return list(check_gradient(_loss(inputs, targets), weights, gradient))


def reproduce() -> int:
    """Reproduce the notebook beside its own figures, then price its three faults."""
    split = load_split()
    print("the notebook again, its three faults included\n")
    print(f"{'iteration':>9}{'loss':>13}{'seed':>13}")
    for case in notebook.CASES:
        first = case == notebook.ALL
        for iteration in notebook.run(split.training, case):
            seed_loss = notebook.SEED_TRACE.get(iteration.number)
            if first and seed_loss is not None:
                print(f"{iteration.number:9}{iteration.loss:13.3f}{seed_loss:13.3f}", flush=True)
        accuracy = notebook.accuracy(iteration.weights, split.held_out)
        if first:
            print(f"{'accuracy':>9}{accuracy:13.2%}{notebook.SEED_ACCURACY:13.2%}\n")
            print(f"{'gradient':24}{'iterations':>11}{'last loss':>11}{'held-out accuracy':>19}")
        print(f"{case!s:24}{iteration.number + 1:11}{iteration.loss:11.2f}{accuracy:19.2%}", flush=True)
    return 0


def _loss(inputs: Floats, targets: Floats) -> Loss:
    def loss(weights: Weights) -> float:
        return cross_entropy(forward(weights, inputs).logits, targets)

    return loss
