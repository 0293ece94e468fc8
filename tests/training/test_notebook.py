"""The notebook's run, reproduced: near its own figures with its faults, far better without."""

import re

import pytest

from tests.conftest import ROOT
from training.notebook import ALL, CASES, NONE, SEED_ACCURACY, SEED_TRACE, Faults, accuracy, run

ROW = re.compile(r"^\| ([a-zA-Z ]+) \| (\d+) \| ([\d.]+) \| ([\d.]+) % \|$", re.MULTILINE)
README = {name: tuple(map(float, rest)) for name, *rest in ROW.findall((ROOT / "README.md").read_text())}


@pytest.fixture(scope="module")
def trained(split):
    """Runs a case once: its losses, one an iteration, and its held-out accuracy."""
    done = {}

    def train(faults):
        if faults not in done:
            losses = []
            for iteration in run(split.training, faults):
                losses.append(iteration.loss)
            done[faults] = losses, accuracy(iteration.weights, split.held_out)
        return done[faults]

    return train


def test_it_stops_where_the_notebook_stopped(trained):
    losses, _ = trained(ALL)
    assert len(losses) == pytest.approx(113, abs=5)
    assert losses[-1] > losses[-2]


def test_its_losses_run_beside_the_notebooks(trained):
    losses, _ = trained(ALL)
    for number, seed_loss in SEED_TRACE.items():
        if number < len(losses):
            assert losses[number] == pytest.approx(seed_loss, rel=0.05)


def test_it_reads_as_badly_as_the_notebook(trained):
    assert trained(ALL)[1] == pytest.approx(SEED_ACCURACY, abs=0.03)


def test_the_right_gradient_reads_97_percent_in_half_the_iterations(trained):
    losses, read = trained(NONE)
    assert len(losses) < 60
    assert read > 0.97


# The other two cases take a minute and more; `make notebook` runs them all.
@pytest.mark.parametrize("faults", [ALL, NONE, Faults(softmax_twice=True)], ids=str)
def test_the_readme_says_what_is_measured(trained, faults):
    losses, read = trained(faults)
    iterations, last_loss, percent = README[str(faults)]
    assert len(losses) == pytest.approx(iterations, abs=5)
    assert losses[-1] == pytest.approx(last_loss, rel=0.05)
    assert read * 100 == pytest.approx(percent, abs=1)


def test_the_readme_prices_every_fault():
    assert list(README) == [str(case) for case in CASES]
