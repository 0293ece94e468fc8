"""The notebook's training is reproduced: its losses and its stop rule; `make notebook` runs it to its end."""

import re
from itertools import islice

import pytest

from tests.conftest import ROOT
from training.notebook import ALL_FAULTS, CASES, NO_FAULTS, NOTEBOOK_LOSSES, Faults, accuracy, train

DOCUMENTED_ROW = re.compile(r"^\| ([a-zA-Z ]+) \| (\d+) \| ([\d.]+) \| ([\d.]+) % \|$", re.MULTILINE)


def documented_results(document):
    """Read the table of a document: iterations, last loss and accuracy in percent, by the faults of the gradient."""
    rows = DOCUMENTED_ROW.findall((ROOT / document).read_text())
    return {name: tuple(map(float, numbers)) for name, *numbers in rows}


@pytest.mark.slow
def test_the_first_losses_with_all_faults_are_close_to_the_losses_of_the_notebook(split):
    losses = [iteration.loss for iteration in islice(train(split.training, ALL_FAULTS), 11)]
    assert losses[0] == pytest.approx(NOTEBOOK_LOSSES[0], rel=0.05)
    assert losses[10] == pytest.approx(NOTEBOOK_LOSSES[10], rel=0.05)
    assert losses == sorted(losses, reverse=True)  # so the stop rule does not end the training


def test_the_right_gradient_learns_more_in_three_iterations_than_the_notebook_ever_did(split):
    *_, third = islice(train(split.training, NO_FAULTS), 3)
    assert third.loss < min(NOTEBOOK_LOSSES.values())
    assert accuracy(third.weights, split.held_out) > 0.85


def test_the_training_stops_after_the_first_iteration_whose_loss_rises(split):
    *_, last = iterations = list(train(split.training, Faults(softmax_twice=True)))
    losses = [iteration.loss for iteration in iterations]
    assert losses[-1] > losses[-2]
    documented_iterations, documented_loss, documented_percent = documented_results("docs/notebook.md")[
        "softmax taken twice"
    ]
    assert len(losses) == documented_iterations
    assert losses[-1] == pytest.approx(documented_loss, rel=0.05)
    assert accuracy(last.weights, split.held_out) * 100 == pytest.approx(documented_percent, abs=1)


@pytest.mark.parametrize("document", ["README.md", "docs/notebook.md"])
def test_documents_have_the_result_of_every_case(document):
    assert list(documented_results(document)) == [str(faults) for faults in CASES]
    assert documented_results(document) == documented_results("docs/notebook.md")
