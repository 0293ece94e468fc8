"""Tests of the card: its JSON form, and the consistency of its metrics."""

import json
from dataclasses import asdict

import pytest

from model import CardError, dump_card, parse_card


def test_a_card_survives_a_round_trip_through_json(artefact):
    assert parse_card(dump_card(artefact.card)) == artefact.card


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"accuracy": 0.5}, "accuracy must follow from confusion"),
        ({"rows": 1}, "confusion must add up to rows"),
        ({"log_loss": -1.0}, "log_loss must be"),
        ({"calibration_error": 2.0}, "calibration_error must be between 0 and 1"),
        ({"confusion": [[1]]}, "10 columns"),
        ({"confusion": [[0] * 10] * 11}, "10 rows"),
        ({"confusion": [[-1] * 10] * 10}, "counts"),
    ],
)
def test_a_card_with_contradictory_metrics_is_rejected(artefact, changes, fault):
    document = asdict(artefact.card)
    document["held_out"].update(changes)
    with pytest.raises(CardError, match=fault):
        parse_card(json.dumps(document))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_a_card_that_json_cannot_write_is_rejected(artefact, value):
    document = {**asdict(artefact.card), "hyperparameters": {"learning_rate": value}}
    with pytest.raises(CardError, match="is not JSON"):
        parse_card(json.dumps(document))
