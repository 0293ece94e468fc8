"""MLServer, used as its documentation shows: a custom runtime that decodes with MLServer's NumPy codec."""

from pathlib import Path

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse

from model import load_artefact


class Digits(MLModel):
    """Runtime that predicts with the released network."""

    async def load(self):
        """Load the network."""
        self.network = load_artefact(Path(self.settings.parameters.uri)).network
        return True

    async def predict(self, payload):
        """Predict the images of a request."""
        pixels = NumpyCodec.decode_input(payload.inputs[0]).astype(np.float32)
        probabilities = self.network.probabilities(pixels)
        digits = probabilities.argmax(axis=1)
        return InferenceResponse(
            model_name=self.name,
            outputs=[
                NumpyCodec.encode_output("digit", digits),
                NumpyCodec.encode_output("probabilities", probabilities),
            ],
        )
