"""The gradient is what the loss really does when a parameter moves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import log_loss as sklearn_log_loss

from model import DIGITS, PIXELS, softmax
from training import notebook, trial
from training.backprop import backpropagate, cross_entropy, log_softmax
from training.data import one_hot
from training.notebook import Faults
from training.parameters import COUNT, he_initialisation, views

logits = arrays(np.float64, (4, DIGITS), elements=st.floats(-300, 300))


def test_finite_differences_acquit_every_array_of_ours():
    errors = dict(trial.try_ours())
    assert list(errors) == ["W1", "b1", "W2", "b2", "W3", "b3"]
    assert max(errors.values()) < trial.AGREEMENT


def test_finite_differences_convict_every_array_of_the_notebooks():
    assert min(dict(trial.try_notebook()).values()) > 0.1


@pytest.mark.parametrize(
    ("faults", "convicted"),
    [
        (Faults(softmax_twice=True), {"W1", "b1", "W2", "b2", "W3", "b3"}),
        (Faults(divides_by_classes=True), {"W1", "b1", "W2", "b2", "W3", "b3"}),
        (Faults(relu_as_softmax=True), {"W1", "b1", "W2", "b2"}),  # the layers below the fault
        (notebook.NONE, set()),
    ],
    ids=str,
)
def test_each_fault_is_found_in_the_arrays_that_it_spoils(faults, convicted):
    errors = dict(trial.try_notebook(faults))
    assert {name for name, error in errors.items() if error >= trial.AGREEMENT} == convicted


@given(logits)
def test_log_softmax_is_the_logarithm_of_the_softmax(scores):
    np.testing.assert_allclose(np.exp(log_softmax(scores)), softmax(scores), atol=1e-12)
    assert np.isfinite(log_softmax(scores)).all()


def test_the_loss_is_scikit_learns():
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(20, DIGITS)), rng.integers(0, DIGITS, 20)
    expected = sklearn_log_loss(labels, softmax(scores), labels=range(DIGITS))
    assert cross_entropy(scores, one_hot(labels, DIGITS, np.float64)) == pytest.approx(expected, abs=1e-12)


def test_the_gradient_of_a_batch_is_the_mean_of_its_rows():
    rng = np.random.default_rng(0)
    weights = views(he_initialisation(rng).astype(np.float64))
    inputs, targets = rng.random((5, PIXELS)), one_hot(rng.integers(0, DIGITS, 5), DIGITS, np.float64)

    def gradient(rows):
        vector = np.zeros(COUNT)
        loss = backpropagate(weights, inputs[rows], targets[rows], views(vector))
        return loss, vector

    loss, vector = gradient(slice(None))
    losses, vectors = zip(*(gradient(slice(row, row + 1)) for row in range(5)), strict=True)
    assert loss == pytest.approx(np.mean(losses), rel=1e-12)
    np.testing.assert_allclose(vector, np.mean(vectors, axis=0), atol=1e-12)
