"""A script that queries a service with KServe's REST client; `make test-clients` runs it in its own environment.

Usage: python tests/e2e/kserve_client.py URL MODEL < images.json > results.json
"""

import asyncio
import json
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig
from kserve.protocol.infer_type import RequestedOutput


def create_request(model, images, datatype, *, is_binary, outputs=None, parameters=None):
    """Create an inference request to a model for some images, shape (B, 64)."""
    tensor = InferInput(name="pixels", shape=list(images.shape), datatype=datatype)
    tensor.set_data_from_numpy(images, binary_data=is_binary)
    return InferRequest(
        model_name=model, infer_inputs=[tensor], request_id="kserve", request_outputs=outputs, parameters=parameters
    )


async def infer(client, url, request):
    """Send an inference request, and return id, model and outputs of the reply as plain values."""
    reply = await client.infer(url, request, model_name=request.model_name)
    outputs = {output.name: output.as_numpy().tolist() for output in reply.outputs}
    return {"id": reply.id, "model": reply.model_name, **outputs}


async def query_service(url, model, images):
    """Query health, one error, and inferences with every combination of datatype and tensor format."""
    async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=30)) as client:
        try:
            await infer(client, url, create_request(model, images.astype(np.float32) + 17, "FP32", is_binary=True))
            error_message = None
        except httpx.HTTPStatusError as error:
            error_message = str(error)
        mixed_outputs = [RequestedOutput("probabilities", {"binary_data": True}), RequestedOutput("digit")]
        formats: list[dict[str, object]] = [
            {"is_binary": True},
            {"is_binary": True, "parameters": {"binary_data_output": True}},
            {"is_binary": True, "outputs": mixed_outputs},
            {"is_binary": False},
        ]
        return {
            "live": await client.is_server_live(url),
            "ready": await client.is_server_ready(url),
            "model ready": await client.is_model_ready(url, model),
            "other ready": await client.is_model_ready(url, "other"),
            "error": error_message,
            "replies": [
                await infer(client, url, create_request(model, images.astype(dtype), datatype, **options))
                for datatype, dtype in (("FP32", np.float32), ("UINT8", np.uint8), ("FP16", np.float16))
                for options in (formats[:-1] if datatype == "FP16" else formats)  # the client rejects FP16 in JSON
            ],
        }


if __name__ == "__main__":
    _, service_url, model_name = sys.argv
    json.dump(asyncio.run(query_service(service_url, model_name, np.array(json.load(sys.stdin)))), sys.stdout)
