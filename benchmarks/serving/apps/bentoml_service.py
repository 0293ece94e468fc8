"""BentoML, used as its documentation shows: a class with one method for the route."""

from pathlib import Path
from typing import Any

import bentoml
import numpy as np

from model import load_artefact

WEIGHTS = Path(__file__).parents[3] / "model" / "digits.npz"


@bentoml.service(workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Digits:
    """Service that predicts with the released network."""

    def __init__(self):
        self.network = load_artefact(WEIGHTS).network

    @bentoml.api
    async def predict(self, pixels: list[float]) -> dict[str, Any]:
        """Predict one image on the event loop, as this project's service does."""
        probabilities = self.network.probabilities(np.array([pixels], dtype=np.float32))[0]
        return {"digit": int(probabilities.argmax()), "probabilities": probabilities.tolist()}
