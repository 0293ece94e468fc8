"""Textbook handler: FastAPI as tutorials use it, with a plain `def` and two pydantic models."""

from typing import Annotated

import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel, Field

from app.settings import RELEASED_WEIGHTS
from model import load_artefact

app = FastAPI()
network = load_artefact(RELEASED_WEIGHTS).network


class Image(BaseModel):
    """The body of a request."""

    pixels: list[Annotated[float, Field(ge=0, le=16)]] = Field(min_length=64, max_length=64)


class Prediction(BaseModel):
    """The body of a response."""

    digit: int
    probabilities: list[float]


@app.post("/predict")
def predict(image: Image) -> Prediction:
    """Predict one image."""
    probabilities = network.probabilities(np.array(image.pixels, dtype=np.float32))
    return Prediction(digit=int(probabilities.argmax()), probabilities=probabilities.tolist())
