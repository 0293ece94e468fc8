"""The loss agrees with independent computations, and the gradient of a batch is a mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import log_loss as sklearn_log_loss

from model import DIGITS, PIXELS, softmax
from training.backprop import backpropagate, cross_entropy, log_softmax
from training.data import one_hot
from training.parameters import PARAMETER_COUNT, he_initialisation, views

logit_arrays = arrays(np.float64, (4, DIGITS), elements=st.floats(-300, 300))


@given(logit_arrays)
def test_log_softmax_is_the_finite_logarithm_of_the_softmax(logits):
    np.testing.assert_allclose(np.exp(log_softmax(logits)), softmax(logits), atol=1e-12)
    assert np.isfinite(log_softmax(logits)).all()


def test_cross_entropy_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(20, DIGITS)), rng.integers(0, DIGITS, 20)
    expected = sklearn_log_loss(labels, softmax(logits), labels=range(DIGITS))
    assert cross_entropy(logits, one_hot(labels, DIGITS, np.float64)) == pytest.approx(expected, abs=1e-12)


def test_backpropagate_returns_the_mean_loss_and_mean_gradient_of_the_rows():
    rng = np.random.default_rng(0)
    weights = views(he_initialisation(rng).astype(np.float64))
    inputs, targets = rng.random((5, PIXELS)), one_hot(rng.integers(0, DIGITS, 5), DIGITS, np.float64)

    def loss_and_gradient(rows):
        gradient = np.zeros(PARAMETER_COUNT)
        loss = backpropagate(weights, inputs[rows], targets[rows], views(gradient))
        return loss, gradient

    loss, gradient = loss_and_gradient(slice(None))
    losses, gradients = zip(*(loss_and_gradient(slice(row, row + 1)) for row in range(5)), strict=True)
    assert loss == pytest.approx(np.mean(losses), rel=1e-12)
    np.testing.assert_allclose(gradient, np.mean(gradients, axis=0), atol=1e-12)
