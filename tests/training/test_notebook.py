"""The notebook's run, reproduced: near its own figures with its faults, far better without."""

import pytest

from training.notebook import ALL, NONE, SEED_ACCURACY, SEED_TRACE, accuracy, run


@pytest.fixture(scope="module")
def faulty(split):
    losses = []
    for iteration in run(split.training, ALL):
        losses.append(iteration.loss)
    return losses, accuracy(iteration.weights, split.held_out)


def test_it_stops_where_the_notebook_stopped(faulty):
    losses, _ = faulty
    assert len(losses) == pytest.approx(len(range(113)), abs=5)
    assert losses[-1] > losses[-2]


def test_its_losses_run_beside_the_notebooks(faulty):
    losses, _ = faulty
    for number, seed_loss in SEED_TRACE.items():
        if number < len(losses):
            assert losses[number] == pytest.approx(seed_loss, rel=0.05)


def test_it_reads_as_badly_as_the_notebook(faulty):
    assert faulty[1] == pytest.approx(SEED_ACCURACY, abs=0.03)


def test_the_right_gradient_reads_97_percent_in_half_the_iterations(split):
    *_, iteration = run(split.training, NONE)
    assert iteration.number < 60
    assert accuracy(iteration.weights, split.held_out) > 0.97
