"""Recall and precision in the report of `/metrics`."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import precision_score, recall_score

from app.observability.counter_registry import CounterRegistry
from app.observability.instruments import (
    INSTRUMENT_COUNTERS,
    Instruments,
    PredictionCounters,
    RequestCounters,
    rejected_picture_counters,
)
from app.observability.report import build_report, precisions, recalls
from app.observability.shared_counters import create_shared_counters

TRUE_DIGITS, PREDICTED_DIGITS = (digits.ravel() for digits in np.indices((10, 10)))


def score_by_digit(score, confusion):
    """Let scikit-learn compute a score of each digit from a confusion matrix; an undefined score is None."""
    weights = {"sample_weight": np.ravel(confusion), "labels": range(10), "average": None, "zero_division": math.nan}
    scores = score(TRUE_DIGITS, PREDICTED_DIGITS, **weights).tolist()
    return [None if math.isnan(value) else pytest.approx(value) for value in scores]


@given(arrays(np.int64, (10, 10), elements=st.integers(0, 200), fill=st.just(0)))
def test_recalls_and_precisions_equal_those_of_scikit_learn(confusion):
    assume(confusion.any())  # scikit-learn rejects a matrix of zeros
    assert recalls(confusion.tolist()) == score_by_digit(recall_score, confusion)
    assert precisions(confusion.tolist()) == score_by_digit(precision_score, confusion)


def test_recalls_and_precisions_of_the_card_equal_those_of_scikit_learn(artefact):
    confusion = artefact.card.held_out.confusion
    assert None not in recalls(confusion) + precisions(confusion)
    assert recalls(confusion) == score_by_digit(recall_score, confusion)
    assert precisions(confusion) == score_by_digit(precision_score, confusion)


def test_digit_that_was_never_predicted_has_no_precision(artefact):
    confusion = [[0] * 10 for _ in range(10)]
    confusion[1][2] = confusion[2][2] = 5
    held_out = dataclasses.replace(artefact.card.held_out, rows=10, accuracy=0.5, confusion=confusion)
    changed = dataclasses.replace(artefact, card=dataclasses.replace(artefact.card, held_out=held_out))
    shared_counters = create_shared_counters(INSTRUMENT_COUNTERS)
    registry = CounterRegistry(shared_counters)
    counters = RequestCounters(registry, {}), PredictionCounters(registry), rejected_picture_counters(registry)
    registry.attach()
    digit_figures = build_report(changed, shared_counters, Instruments(*counters), "1.2.3")["held_out"]["per_digit"]
    assert digit_figures[:3] == [
        {"digit": 0, "recall": None, "precision": None},
        {"digit": 1, "recall": 0.0, "precision": None},
        {"digit": 2, "recall": 1.0, "precision": 0.5},
    ]
