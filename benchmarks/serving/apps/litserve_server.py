"""LitServe, used as its documentation shows: one method each to decode, predict and encode.

The command line has one argument, the port.
"""

import sys
from pathlib import Path

import litserve
import numpy as np

from model import load_artefact

WEIGHTS = Path(__file__).parents[3] / "model" / "digits.npz"


class Digits(litserve.LitAPI):
    """API that predicts with the released network."""

    def setup(self, device):
        """Load the network; LitServe calls this in the process that predicts."""
        self.network = load_artefact(WEIGHTS).network

    def decode_request(self, request):
        """Convert a request's JSON value to an image."""
        return np.array([request["pixels"]], dtype=np.float32)

    def predict(self, pixels):
        """Predict the image."""
        return self.network.probabilities(pixels)[0]

    def encode_response(self, probabilities):
        """Convert the probabilities to the response's JSON value."""
        return {"digit": int(probabilities.argmax()), "probabilities": probabilities.tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Digits(), accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=1,
        generate_client_file=False,
        log_level="error",
        access_log=False,
    )
