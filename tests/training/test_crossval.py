"""Cross-validation reads every training row once, by a network that saw none of its form."""

import numpy as np
import pytest

from model import softmax
from training.crossval import cross_validate, fit_temperature, join, load, save
from training.evaluate import log_loss
from training.recipe import RELEASE

SHORT = RELEASE.lasting(10)


@pytest.fixture(scope="module")
def unseen(split):
    return join(list(cross_validate(SHORT, split.training, 2, seed=0)))


def test_every_row_is_read_once(split, unseen):
    assert np.bincount(unseen.labels).tolist() == np.bincount(split.training.labels).tolist()
    assert unseen.logits.shape == (1203, 10)
    assert len(unseen.curves) == 2


def test_most_are_read_correctly_and_fewer_than_by_a_network_that_saw_them(unseen):
    assert 0.85 < (unseen.logits.argmax(axis=1) == unseen.labels).mean() < 0.99


def test_a_curve_has_the_figures_of_its_last_network(unseen):
    rows = len(unseen.labels)
    last = np.mean([curve.accuracy[-1] for curve in unseen.curves])
    assert last == pytest.approx((unseen.logits.argmax(axis=1) == unseen.labels).mean(), abs=20 / rows)
    assert all(curve.epoch == list(range(1, 11)) for curve in unseen.curves)


def test_what_is_saved_is_what_is_loaded(tmp_path, unseen):
    save(unseen, tmp_path / "file.npz")
    again = load(tmp_path / "file.npz")
    np.testing.assert_array_equal(again.logits, unseen.logits)
    np.testing.assert_array_equal(again.labels, unseen.labels)
    assert (again.curves, again.hyperparameters, again.seed) == (
        unseen.curves,
        unseen.hyperparameters,
        unseen.seed,
    )


@pytest.mark.parametrize("temperature", [0.5, 1, 2])
def test_the_temperature_that_was_lost_is_found_again(temperature):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (20_000, 10))
    chances = softmax(logits)
    labels = (chances.cumsum(axis=1) > rng.random((len(chances), 1))).argmax(axis=1)
    assert fit_temperature(labels, logits * temperature) == pytest.approx(temperature, rel=0.03)


def test_no_other_temperature_has_a_smaller_loss(unseen):
    best = fit_temperature(unseen.labels, unseen.logits)

    def loss(temperature):
        return log_loss(unseen.labels, softmax(unseen.logits / np.float32(temperature)))

    assert all(loss(best) <= loss(other) + 1e-9 for other in np.linspace(0.3, 3, 28))
