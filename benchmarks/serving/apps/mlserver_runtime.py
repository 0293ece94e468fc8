"""MLServer, as its documentation has it: a runtime of one's own, decoding by its codec for NumPy."""

from pathlib import Path

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse

from model import load_artefact


class Digits(MLModel):
    """The network."""

    async def load(self):
        """Load the weights."""
        self.network = load_artefact(Path(self.settings.parameters.uri)).network
        return True

    async def predict(self, payload):
        """Read the images of a request."""
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
