"""What our service is asked beside single images."""

import json
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.serving.contenders import JSON
from benchmarks.serving.load import Load

BATCH_ROWS = 1024
BATCH_CONNECTIONS = 4
PICTURE_SIDE = 280
FINER = 4  # drawn larger first, so that its edges are soft as those of a canvas
SEVEN = ((70, 70), (205, 65), (130, 220))


def batch(images):
    """Ask for several images at once, as JSON with whole numbers."""
    body = json.dumps({"images": images.astype(int).tolist()}, separators=(",", ":")).encode()
    return Load("/predict/batch", body, JSON, BATCH_CONNECTIONS, len(images))


def tensor(images):
    """Ask for several images at once by the Open Inference Protocol: UINT8 in and FP32 out, as bytes."""
    raw = images.astype(np.uint8).tobytes()
    pixels = {"name": "pixels", "shape": list(images.shape), "datatype": "UINT8"}
    message = {
        "inputs": [{**pixels, "parameters": {"binary_data_size": len(raw)}}],
        "outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}],
    }
    head = json.dumps(message).encode()
    headers = {"Inference-Header-Content-Length": len(head)}
    return Load("/v2/models/digits/infer", head + raw, headers, BATCH_CONNECTIONS, len(images))


def picture():
    """Ask for a drawn seven, a PNG of 280×280."""
    drawn = Image.new("L", (PICTURE_SIDE * FINER,) * 2, 255)
    ImageDraw.Draw(drawn).line([(x * FINER, y * FINER) for x, y in SEVEN], 0, 22 * FINER, joint="curve")
    file = BytesIO()
    drawn.reduce(FINER).save(file, "PNG")
    return Load("/predict/picture", file.getvalue(), {"Content-Type": "image/png"}, BATCH_CONNECTIONS)


def further(images):
    """All of them, by name.

    Args:
        images: Shape (B, 64) with at least 1024 rows.
    Returns:
        Loads.
    """
    rows = images[:BATCH_ROWS]
    return {"batch": batch(rows), "tensor": tensor(rows), "picture": picture()}
