"""The notebook's training is reproduced: close to its own results with its faults, far better without."""

import re

import pytest

from tests.conftest import ROOT
from training.notebook import ALL_FAULTS, CASES, NO_FAULTS, NOTEBOOK_ACCURACY, NOTEBOOK_LOSSES, Faults, accuracy, train

README_ROW = re.compile(r"^\| ([a-zA-Z ]+) \| (\d+) \| ([\d.]+) \| ([\d.]+) % \|$", re.MULTILINE)
README_RESULTS = {
    name: tuple(map(float, numbers)) for name, *numbers in README_ROW.findall((ROOT / "README.md").read_text())
}


@pytest.fixture(scope="module")
def result_of(split):
    """Trains with given faults, once for the whole module: the loss of each iteration, and the accuracy."""
    results = {}

    def train_once(faults):
        if faults not in results:
            losses = []
            for iteration in train(split.training, faults):
                losses.append(iteration.loss)
            results[faults] = losses, accuracy(iteration.weights, split.held_out)
        return results[faults]

    return train_once


def test_the_training_with_all_faults_stops_where_the_notebook_stopped(result_of):
    losses, _ = result_of(ALL_FAULTS)
    assert len(losses) == pytest.approx(113, abs=5)
    assert losses[-1] > losses[-2]


def test_the_losses_with_all_faults_are_close_to_the_losses_of_the_notebook(result_of):
    losses, _ = result_of(ALL_FAULTS)
    for number, notebook_loss in NOTEBOOK_LOSSES.items():
        if number < len(losses):
            assert losses[number] == pytest.approx(notebook_loss, rel=0.05)


def test_the_accuracy_with_all_faults_is_close_to_the_accuracy_of_the_notebook(result_of):
    _, measured = result_of(ALL_FAULTS)
    assert measured == pytest.approx(NOTEBOOK_ACCURACY, abs=0.03)


def test_the_right_gradient_reaches_97_percent_in_half_the_iterations(result_of):
    losses, measured = result_of(NO_FAULTS)
    assert len(losses) < 60
    assert measured > 0.97


# The other two cases take more than a minute; `make notebook` runs all of them.
@pytest.mark.parametrize("faults", [ALL_FAULTS, NO_FAULTS, Faults(softmax_twice=True)], ids=str)
def test_the_readme_quotes_the_measured_results(result_of, faults):
    losses, measured = result_of(faults)
    iterations, last_loss, percent = README_RESULTS[str(faults)]
    assert len(losses) == pytest.approx(iterations, abs=5)
    assert losses[-1] == pytest.approx(last_loss, rel=0.05)
    assert measured * 100 == pytest.approx(percent, abs=1)


def test_the_readme_quotes_every_case():
    assert list(README_RESULTS) == [str(faults) for faults in CASES]
