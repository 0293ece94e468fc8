"""A program that calls the service by a generated client; openapi-python-client generates it.

Usage: PYTHONPATH=FOLDER python tests/e2e/clients/generated_client.py URL PICTURE < image.json > replies.json

FOLDER has the generated package `digits_client`. The image is a list of 64 numbers.
"""

import importlib
import json
import pkgutil
import sys
from io import BytesIO
from pathlib import Path

import digits_client
from digits_client.api.metrics import metrics
from digits_client.api.open_inference_protocol import infer, model_metadata, repository_index
from digits_client.api.predict import predict, predict_batch, predict_picture
from digits_client.models import (
    BatchRequest,
    InferRequest,
    InputTensor,
    InputTensorDatatype,
    PictureForm,
    PredictRequest,
)
from digits_client.types import File


def import_all_modules():
    """Import every module of the client, and return their number."""
    names = [module.name for module in pkgutil.walk_packages(digits_client.__path__, "digits_client.")]
    return len([importlib.import_module(name) for name in names])


def call_service(url, picture, image):
    """Call operations with valid and with invalid input, and return the replies."""
    client = digits_client.Client(base_url=url)
    rows = [image[start : start + 8] for start in range(0, 64, 8)]
    tensor = InputTensor(name="pixels", shape=[1, 64], datatype=InputTensorDatatype.UINT8, data=image)
    request = InferRequest(inputs=[tensor])
    picture_file, text_file = (File(BytesIO(content), "file") for content in (picture, b"text"))
    return {
        "predict": predict.sync(client=client, body=PredictRequest(pixels=image)),
        "predict error": predict.sync(client=client, body=PredictRequest(pixels=image[1:])),
        "batch": predict_batch.sync(client=client, body=BatchRequest(images=[image, rows])),
        "batch error": predict_batch.sync(client=client, body=BatchRequest(images=[])),
        "picture": predict_picture.sync(client=client, body=PictureForm(picture_file)),
        "picture error": predict_picture.sync(client=client, body=PictureForm(text_file)),
        "metrics": metrics.sync(client=client),
        "infer": infer.sync("digits", client=client, body=request),
        "infer error": infer.sync("other", client=client, body=request),
        "index": repository_index.sync(client=client)[0],
        "metadata": model_metadata.sync("digits", client=client),
    }


if __name__ == "__main__":
    replies = call_service(sys.argv[1], Path(sys.argv[2]).read_bytes(), json.load(sys.stdin))
    described = {name: [type(reply).__name__, reply.to_dict()] for name, reply in replies.items()}
    json.dump({"modules": import_all_modules(), **described}, sys.stdout)
