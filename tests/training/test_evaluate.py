"""The figures are what scikit-learn says they are, and what their definitions say."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.metrics import log_loss as sklearn_log_loss

from training.evaluate import (
    accuracy_interval,
    calibration_error,
    confusion,
    evaluate,
    log_loss,
    log_loss_interval,
    reliability,
)


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


def test_the_bins_of_the_reliability_hold_every_image():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(10) / 3, 500)
    labels = rng.integers(0, 10, 500)
    bins = reliability(labels, probabilities)
    assert len(bins) == 15
    assert sum(one.rows for one in bins) == 500
    confidence = sum(one.rows * one.confidence for one in bins) / 500
    assert confidence == pytest.approx(probabilities.max(axis=1).mean())
    right = sum(one.rows * one.accuracy for one in bins)
    assert right == pytest.approx((probabilities.argmax(axis=1) == labels).sum())


@pytest.mark.parametrize(("correct", "rows"), [(594, 594), (590, 594), (1, 2), (0, 30)])
def test_wilsons_interval_is_scipys(correct, rows):
    expected = binomtest(correct, rows).proportion_ci(method="wilson")
    np.testing.assert_allclose(accuracy_interval(correct, rows), expected, atol=1e-9)


def test_a_bootstrap_interval_holds_the_figure_and_narrows_with_more_rows():
    rng = np.random.default_rng(0)

    def interval(rows):
        probabilities = rng.dirichlet(np.ones(10) / 3, rows).astype(np.float32)
        labels = probabilities.argmax(axis=1)
        low, high = log_loss_interval(labels, probabilities)
        assert low < log_loss(labels, probabilities) < high
        return high - low

    assert interval(1600) < interval(100) / 2
