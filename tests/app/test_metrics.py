"""`/metrics` repeats the card and counts what the service did."""

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score

from app.metrics.reply import per_digit
from app.schemas import EXAMPLE_IMAGE


def test_the_figures_are_the_cards(client, artefact):
    body = client.get("/metrics").json()
    card = artefact.card
    assert body["accuracy"] == card.held_out.accuracy
    assert body["log_loss"] == card.held_out.log_loss
    assert body["calibration_error"] == card.held_out.calibration_error
    assert body["held_out"]["rows"] == 594
    assert body["held_out"]["confusion"] == [list(row) for row in card.held_out.confusion]
    assert body["model"] == {
        "name": "digits",
        "version": card.version,
        "sha256": artefact.sha256,
        "layers": [64, 200, 150, 10],
        "recipe": card.recipe,
        "seed": card.seed,
    }


def test_recall_and_precision_are_scikit_learns(artefact):
    confusion = artefact.card.held_out.confusion
    pairs = [(t, r, n) for t, row in enumerate(confusion) for r, n in enumerate(row)]
    labels, read = (np.repeat([p[i] for p in pairs], [p[2] for p in pairs]) for i in (0, 1))
    figures = per_digit(confusion)
    assert [f["recall"] for f in figures] == pytest.approx(recall_score(labels, read, average=None))
    assert [f["precision"] for f in figures] == pytest.approx(precision_score(labels, read, average=None))


def test_a_digit_that_was_never_read_has_no_precision():
    counts = [[0] * 10 for _ in range(10)]
    counts[1][2] = 5
    figures = per_digit(counts)
    assert figures[1] == {"digit": 1, "recall": 0.0, "precision": None}
    assert figures[0] == {"digit": 0, "recall": None, "precision": None}


def test_the_service_counts_requests_and_predictions(make_client):
    client = make_client()
    client.post("/predict", json={"pixels": EXAMPLE_IMAGE})
    client.post("/predict/batch", json={"images": [EXAMPLE_IMAGE, EXAMPLE_IMAGE]})
    client.post("/predict", json={})
    client.get("/nowhere")
    service = client.get("/metrics").json()["service"]
    assert service["requests"] == 4
    assert service["predictions"] == [0, 0, 0, 3, 0, 0, 0, 0, 0, 0]
    assert service["uptime_seconds"] > 0


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz"])
def test_head_answers_as_get_without_the_body(client, path):
    reply = client.request("HEAD", path)
    assert reply.status_code == 200
    assert reply.content == b""
