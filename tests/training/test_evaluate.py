"""The metrics agree with scikit-learn and SciPy, and with their definitions."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix
from sklearn.metrics import log_loss as sklearn_log_loss

from training.evaluate import (
    accuracy_interval,
    calibration_error,
    confusion_matrix,
    evaluate,
    log_loss,
    log_loss_interval,
    reliability_bins,
)


def test_evaluate_agrees_with_scikit_learn(artefact, split):
    probabilities = artefact.network.probabilities(split.held_out.pixels)
    predicted, labels = probabilities.argmax(axis=1), split.held_out.labels
    metrics = evaluate(artefact.network, split.held_out)
    assert metrics.accuracy == accuracy_score(labels, predicted)
    in_float64 = probabilities.astype(np.float64)
    expected_loss = sklearn_log_loss(labels, in_float64 / in_float64.sum(axis=1, keepdims=True))
    assert metrics.log_loss == pytest.approx(expected_loss, rel=1e-4)
    expected_counts = sklearn_confusion_matrix(labels, predicted)
    np.testing.assert_array_equal(confusion_matrix(labels, predicted), expected_counts)


def test_the_card_holds_the_metrics_of_the_network(artefact, split):
    measured, card = evaluate(artefact.network, split.held_out), artefact.card.held_out
    assert measured.rows == card.rows == 594
    assert measured.accuracy == pytest.approx(card.accuracy, abs=0.005)
    assert measured.log_loss == pytest.approx(card.log_loss, abs=1e-4)


def test_calibration_error_agrees_with_a_calculation_by_hand():
    # Two images at 100 %, both correct; two at 60 %, one correct. Gaps of 0 and 0.1, each for half the rows.
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0], [0.6, 0.4], [0.6, 0.4]])
    assert calibration_error(np.array([0, 0, 0, 1]), probabilities) == pytest.approx(0.05)


def test_log_loss_is_large_and_finite_if_the_true_digit_has_probability_zero():
    assert 80 < log_loss(np.array([1]), np.array([[1, 0]], np.float32)) < 100


def test_reliability_bins_contain_every_image():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(10) / 3, 500)
    labels = rng.integers(0, 10, 500)
    bins = reliability_bins(labels, probabilities)
    assert len(bins) == 15
    assert sum(bin_.rows for bin_ in bins) == 500
    confidence = sum(bin_.rows * bin_.confidence for bin_ in bins) / 500
    assert confidence == pytest.approx(probabilities.max(axis=1).mean())
    correct = sum(bin_.rows * bin_.accuracy for bin_ in bins)
    assert correct == pytest.approx((probabilities.argmax(axis=1) == labels).sum())


@pytest.mark.parametrize(("correct", "rows"), [(594, 594), (590, 594), (1, 2), (0, 30)])
def test_accuracy_interval_agrees_with_the_wilson_interval_of_scipy(correct, rows):
    expected = binomtest(correct, rows).proportion_ci(method="wilson")
    np.testing.assert_allclose(accuracy_interval(correct, rows), expected, atol=1e-9)


def test_log_loss_interval_contains_the_log_loss_and_narrows_with_more_rows():
    rng = np.random.default_rng(0)

    def interval_width(rows):
        probabilities = rng.dirichlet(np.ones(10) / 3, rows).astype(np.float32)
        labels = probabilities.argmax(axis=1)
        low, high = log_loss_interval(labels, probabilities)
        assert low < log_loss(labels, probabilities) < high
        return high - low

    assert interval_width(1600) < interval_width(100) / 2
