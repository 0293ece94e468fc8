"""Additional loads of batches and pictures, which only this service receives."""

import json
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.serving.contenders import INFER_PATH, JSON_HEADERS
from benchmarks.serving.wrk import Load

BATCH_SIZE = 1024
BATCH_CONNECTIONS = 4
PICTURE_SIDE = 280
OVERSAMPLING = 4  # the digit is drawn larger and then reduced, so that its edges are as soft as on an HTML canvas
SEVEN = ((70, 70), (205, 65), (130, 220))  # corners of the drawn digit, x and y in pixels


def additional_loads(images):
    """Return all additional loads.

    Args:
        images: Images, shape (B, 64), whole numbers in [0, 16]; B is at least 1024.
    Returns:
        Loads, by name.
    """
    batch = images[:BATCH_SIZE]
    return {"batch": json_batch_load(batch), "tensor": tensor_batch_load(batch), "picture": picture_load()}


def json_batch_load(images):
    """Return a load for `/predict/batch`: several images in JSON, with whole numbers.

    Args:
        images: Images, shape (B, 64) or (B, 8, 8), whole numbers in [0, 16].
    Returns:
        The load.
    """
    body = json.dumps({"images": images.astype(int).tolist()}, separators=(",", ":")).encode()
    return Load("/predict/batch", body, JSON_HEADERS, BATCH_CONNECTIONS)


def tensor_batch_load(images):
    """Return a load for the Open Inference Protocol: several images as bytes, UINT8 in and FP32 out.

    Args:
        images: Images, shape (B, 64), whole numbers in [0, 16].
    Returns:
        The load.
    """
    data = images.astype(np.uint8).tobytes()
    pixels = {"name": "pixels", "shape": list(images.shape), "datatype": "UINT8"}
    request = {
        "inputs": [{**pixels, "parameters": {"binary_data_size": len(data)}}],
        "outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}],
    }
    header = json.dumps(request).encode()
    headers = {"Inference-Header-Content-Length": str(len(header))}
    return Load(INFER_PATH, header + data, headers, BATCH_CONNECTIONS)


def picture_load():
    """Return a load for `/predict/picture`: a drawn seven, as a PNG file of 280×280 pixels."""
    picture = Image.new("L", (PICTURE_SIDE * OVERSAMPLING,) * 2, 255)
    corners = [(x * OVERSAMPLING, y * OVERSAMPLING) for x, y in SEVEN]
    ImageDraw.Draw(picture).line(corners, 0, 22 * OVERSAMPLING, joint="curve")
    file = BytesIO()
    picture.reduce(OVERSAMPLING).save(file, "PNG")
    return Load("/predict/picture", file.getvalue(), {"Content-Type": "image/png"}, BATCH_CONNECTIONS)
