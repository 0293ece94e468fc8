"""Recall and precision in the report of `/metrics`."""

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score

from app.observability.report import per_digit


def test_recall_and_precision_equal_those_of_scikit_learn(artefact):
    confusion = artefact.card.held_out.confusion
    true_digits, predicted_digits = (np.repeat(digits.ravel(), np.ravel(confusion)) for digits in np.indices((10, 10)))
    figures = per_digit(confusion)
    expected_recall = recall_score(true_digits, predicted_digits, average=None)
    expected_precision = precision_score(true_digits, predicted_digits, average=None)
    assert [digit_figures["recall"] for digit_figures in figures] == pytest.approx(expected_recall)
    assert [digit_figures["precision"] for digit_figures in figures] == pytest.approx(expected_precision)


def test_digit_that_was_never_predicted_has_no_precision():
    confusion = [[0] * 10 for _ in range(10)]
    confusion[1][2] = 5
    figures = per_digit(confusion)
    assert figures[1] == {"digit": 1, "recall": 0.0, "precision": None}
    assert figures[0] == {"digit": 0, "recall": None, "precision": None}
