"""The figures are what scikit-learn says they are, and what their definitions say."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.metrics import log_loss as sklearn_log_loss

from training.evaluate import calibration_error, confusion, evaluate, log_loss


def test_the_figures_are_scikit_learns(artefact, split):
    probabilities = artefact.network.probabilities(split.held_out.pixels)
    read, labels = probabilities.argmax(axis=1), split.held_out.labels
    held_out = evaluate(artefact.network, split.held_out)
    assert held_out.accuracy == accuracy_score(labels, read)
    exact = probabilities.astype(np.float64)
    expected_loss = sklearn_log_loss(labels, exact / exact.sum(axis=1, keepdims=True))
    assert held_out.log_loss == pytest.approx(expected_loss, rel=1e-4)
    np.testing.assert_array_equal(confusion(labels, read), confusion_matrix(labels, read))


def test_the_card_says_what_the_network_does(artefact, split):
    measured, card = evaluate(artefact.network, split.held_out), artefact.card.held_out
    assert measured.rows == card.rows == 594
    assert measured.accuracy == pytest.approx(card.accuracy, abs=0.005)
    assert measured.log_loss == pytest.approx(card.log_loss, abs=1e-4)


def test_calibration_error_by_hand():
    # Two sure and right, two 60 % sure of which one is right: gaps 0 and 0.1, half of the rows each.
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0], [0.6, 0.4], [0.6, 0.4]])
    assert calibration_error(np.array([0, 0, 0, 1]), probabilities) == pytest.approx(0.05)


def test_log_loss_of_a_certain_mistake_is_large_and_finite():
    assert 80 < log_loss(np.array([1]), np.array([[1, 0]], np.float32)) < 100
