"""LitServe, as its documentation has it: decode, predict, encode."""

import sys
from pathlib import Path

import litserve
import numpy as np

from model import load_artefact

WEIGHTS = Path(__file__).parents[3] / "model" / "digits.npz"


class Digits(litserve.LitAPI):
    """The network."""

    def setup(self, device):
        """Load the weights, in the process that predicts."""
        self.network = load_artefact(WEIGHTS).network

    def decode_request(self, request):
        """Take the image out of the JSON."""
        return np.array([request["pixels"]], dtype=np.float32)

    def predict(self, pixels):
        """Read it."""
        return self.network.probabilities(pixels)[0]

    def encode_response(self, probabilities):
        """Shape the reply."""
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
