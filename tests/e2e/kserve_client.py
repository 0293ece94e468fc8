"""What KServe's REST client sees of a service; runs in the environment of `make kserve-client`.

Usage: python tests/e2e/kserve_client.py URL < rows.json > seen.json
"""

import asyncio
import json
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig
from kserve.protocol.infer_type import RequestedOutput


def request(rows, datatype, *, is_binary, outputs=None, parameters=None):
    images = InferInput(name="pixels", shape=list(rows.shape), datatype=datatype)
    images.set_data_from_numpy(rows, binary_data=is_binary)
    return InferRequest(
        model_name="digits", infer_inputs=[images], request_id="kserve", request_outputs=outputs, parameters=parameters
    )


async def infer(client, url, question):
    reply = await client.infer(url, question, model_name="digits")
    outputs = {output.name: output.as_numpy().tolist() for output in reply.outputs}
    return {"id": reply.id, "model": reply.model_name, **outputs}


async def see(url, rows):
    async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=30)) as client:
        try:
            await infer(client, url, request(rows.astype(np.float32) + 17, "FP32", is_binary=True))
            error = None
        except httpx.HTTPStatusError as refused:
            error = str(refused)
        both_binary = {"binary_data_output": True}
        mixed = [RequestedOutput("probabilities", {"binary_data": True}), RequestedOutput("digit")]
        return {
            "live": await client.is_server_live(url),
            "ready": await client.is_server_ready(url),
            "model ready": await client.is_model_ready(url, "digits"),
            "other ready": await client.is_model_ready(url, "other"),
            "error": error,
            "replies": [
                await infer(client, url, request(rows.astype(dtype), datatype, **how))
                for datatype, dtype in (("FP32", np.float32), ("UINT8", np.uint8), ("FP16", np.float16))
                for how in (
                    {"is_binary": True},
                    {"is_binary": True, "parameters": both_binary},
                    {"is_binary": True, "outputs": mixed},
                    *([{"is_binary": False}] if datatype != "FP16" else []),  # it refuses to send that
                )
            ],
        }


if __name__ == "__main__":
    json.dump(asyncio.run(see(sys.argv[1], np.array(json.load(sys.stdin)))), sys.stdout)
