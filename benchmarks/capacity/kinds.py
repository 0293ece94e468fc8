"""The kinds of requests: what is sent for each, and its cost from the measured constants."""

from io import BytesIO
from statistics import median
from types import MappingProxyType

import numpy as np
from PIL import Image

from app.http.admission import MAX_ROWS
from app.settings import Settings
from benchmarks.capacity.model import Cost
from benchmarks.faults.requests import request_bytes
from benchmarks.photos.photos import Photo, photograph
from benchmarks.serving.additional_loads import SEVEN, json_batch_load, picture_load, tensor_batch_load
from benchmarks.serving.contenders import CONTENDERS

PICTURES_IN_FLIGHT = Settings.model_fields["max_pictures_in_flight"].default
# The line through the costs of these two sizes gives the cost of a batch of any size.
SMALL_BATCH, LARGE_BATCH = 64, 1024
PHOTO_SIZE = (4000, 3000)  # pixels: twelve megapixels, as phones take them
# In a closed loop, half of the connections wait for the answer of the present iteration, and the other half for that of
# the next one; docs/experiments.md, "Does micro-batching pay?".
TOGETHER = 64
REQUESTS_TOGETHER = TOGETHER / 2

KINDS = MappingProxyType(
    {
        "predict": "a single prediction, `POST /predict`",
        "batch": "a batch in JSON, `POST /predict/batch`",
        "tensor": "a batch as bytes, `POST /v2/models/digits/infer`",
        "picture": "a PNG file of 280×280 pixels, `POST /predict/picture`",
        "photo": "a JPEG file of 4000×3000 pixels, `POST /predict/picture`",
    }
)
BATCHES = ("batch", "tensor")


def build_request(kind, images, rows=0):
    """Write a request.

    Args:
        kind: One of the `KINDS`.
        images: Images to send, shape (B, 64), whole numbers in [0, 16].
        rows: The number of images of a batch, at most B.
    Returns:
        The bytes of the request.
    """
    loads = {
        "predict": lambda: CONTENDERS["ours"].single_image_load(images[0].tolist()),
        "batch": lambda: json_batch_load(images[:rows]),
        "tensor": lambda: tensor_batch_load(images[:rows]),
        "picture": picture_load,
        "photo": _photo_load,
    }
    return request_bytes(loads[kind]())


def _photo_load():
    """Return a load for `/predict/picture`: a simulated photo of a sheet with a seven, in the size of a phone's."""
    file = photograph([np.array(SEVEN, float) / 280], np.random.default_rng(0), Photo())
    large = BytesIO()
    Image.open(BytesIO(file)).convert("RGB").resize(PHOTO_SIZE).save(large, "JPEG", quality=90)
    return picture_load()._replace(body=large.getvalue(), headers={"Content-Type": "image/jpeg"})


def median_constant(constants, name):
    """Return the median of one constant over the rounds.

    Args:
        constants: The constants of each round.
        name: The name of the constant.
    Returns:
        The median.
    """
    return median(measured[name] for measured in constants)


def cost_of(constants, kind, rows=0):
    """Compute the cost of a request.

    Args:
        constants: The constants of each round, as `constants.measure_constants` returns them.
        kind: One of the `KINDS`.
        rows: The number of images of a batch.
    Returns:
        The cost.
    """
    if kind == "predict":
        alone, together = (median_constant(constants, name) for name in ("predict_alone", "predict_together"))
        iteration = (alone - together) / (1 - 1 / REQUESTS_TOGETHER)
        return Cost(alone - iteration, iteration)
    if kind in BATCHES:
        fixed, per_row = batch_line(constants, kind)
        return Cost(fixed + rows * per_row, max_in_flight=MAX_ROWS / rows)
    return Cost(median_constant(constants, kind), max_in_flight=PICTURES_IN_FLIGHT)


def batch_line(constants, kind):
    """Compute the cost of a batch of any size.

    Args:
        constants: The constants of each round.
        kind: One of the `BATCHES`.
    Returns:
        The seconds of a request without images, and those of each image.
    """
    small, large = (median_constant(constants, f"{kind}_{rows}") for rows in (SMALL_BATCH, LARGE_BATCH))
    per_row = (large - small) / (LARGE_BATCH - SMALL_BATCH)
    return small - SMALL_BATCH * per_row, per_row
